variable "region" {
  description = "Region of everything, for example `eu-central-1`."
  type        = string
}

variable "zip" {
  description = "The zip of drawbridge-function that `cargo xtask package lambda` made."
  type        = string
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
