variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "image" {
  description = "Container image with drawbridge-function, with its digest."
  type        = string
}

variable "functions" {
  description = "What runs in the same process, as DRAWBRIDGE_FUNCTIONS names it: who sends commands must, where DRAWBRIDGE_COMMANDS is `local:`."
  type        = list(string)
  default     = ["device-registry", "command-relay"]
}

variable "environment" {
  description = "Variables of the service, without secrets. DRAWBRIDGE_COMMANDS is `local:` for one instance, NATS for more."
  type        = map(string)
}

variable "secrets" {
  description = "Variables whose values are secrets: name of the variable to name of the secret in Secret Manager. Their versions are added outside Terraform, so that no state holds them."
  type        = map(string)
  default     = {}
}

variable "records_condition" {
  description = "IAM condition that keeps its role to the database of the records."
  type        = object({ title = string, expression = string })
}

variable "publishes_to" {
  description = "Short names of the topics it publishes to."
  type        = list(string)
}

variable "network" {
  description = "Where it reaches NATS; null for one instance."
  type = object({
    network    = string
    subnetwork = string
    tags       = list(string)
  })
  default = null
}

variable "min_instances" {
  description = "Instances that are there while no device is: 1 saves the first device a second or two, and is paid for."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "Instances at most. More than one need NATS: a command must reach the instance that its device is on."
  type        = number
  default     = 1

  validation {
    condition     = var.max_instances == 1 || startswith(lookup(var.environment, "DRAWBRIDGE_COMMANDS", "local:"), "nats://")
    error_message = "More than one instance need DRAWBRIDGE_COMMANDS=nats://…: else commands are lost between them."
  }
}

variable "concurrency" {
  description = "Connections and requests that an instance serves at a time; 1,000 is Cloud Run's most."
  type        = number
  default     = 1000
}

variable "timeout_seconds" {
  description = "How long Cloud Run keeps a connection; 3,600 is its most. Sessions end in order a minute before it."
  type        = number
  default     = 3600

  validation {
    condition     = var.timeout_seconds >= 120 && var.timeout_seconds <= 3600
    error_message = "timeout_seconds is 120 to 3600."
  }
}

variable "memory" {
  description = "Memory of an instance."
  type        = string
  default     = "512Mi"
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
