variable "region" {
  description = "Region of everything, for example `eu-central-1`."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region of AWS, such as `eu-central-1`: not a zone of it (`eu-central-1a`) and not one of Google's."
  }
}

variable "zip" {
  description = "The zip of drawbridge-function that `cargo xtask package lambda` made."
  type        = string

  validation {
    condition     = fileexists(var.zip)
    error_message = "There is no zip at that path, seen from this folder: `cargo xtask package lambda arm64` in the root of the project makes it."
  }
}

variable "account" {
  description = "Number of the AWS account that this is for: in any other nothing is done; null for whichever the credentials lead to."
  type        = string
  default     = null
}

variable "architecture" {
  description = "`arm64` or `x86_64`, as the zip is."
  type        = string
  default     = "arm64"
}

variable "google" {
  description = "Where telemetry goes: the project, what its module aws-trust put out as credentials, and the provider that trusts devices' tokens."
  type = object({
    project          = string
    credentials      = string
    devices_provider = string
  })

  validation {
    condition     = try(jsondecode(var.google.credentials).type, "") == "external_account"
    error_message = "google.credentials is the output `aws_credentials` of examples/gcp, of type external_account. A service account's key does not belong here: the state would hold it."
  }

  validation {
    condition     = startswith(var.google.devices_provider, "//iam.googleapis.com/")
    error_message = "google.devices_provider is the output `devices_provider` of examples/gcp: it begins with `//iam.googleapis.com/`."
  }
}

variable "issuer" {
  description = "Public URL of the token exchange: a domain of your own, or its function URL, known after the first apply."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://")
    error_message = "Google trusts only an issuer of https."
  }
}

variable "mqtt_domain" {
  description = "A name of your own for devices' MQTT, with its certificate in ACM; null for one of AWS's making."
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` is refused as long as records are there."
  type        = bool
  default     = true
}

variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = list(string)
  default     = []
}

variable "monthly_budget" {
  description = "What a month may cost in dollars before somebody is told; null for no budget."
  type        = number
  default     = null
}

variable "tags" {
  description = "Tags of everything, beside `app = drawbridge`."
  type        = map(string)
  default     = {}
}
