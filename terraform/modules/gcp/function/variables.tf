variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "name" {
  description = "Which function, as DRAWBRIDGE_FUNCTIONS names it."
  type        = string
}

variable "short_name" {
  description = "The same in at most 19 characters, for the name of its service account."
  type        = string

  validation {
    condition     = length(var.short_name) <= 19
    error_message = "A service account's id has at most 30 characters, of which `drawbridge-` takes 11: shorten short_name to 19."
  }
}

variable "beside" {
  description = "What else runs in the same process, as DRAWBRIDGE_FUNCTIONS names it."
  type        = list(string)
  default     = []
}

variable "image" {
  description = "Container image with drawbridge-function, with its digest."
  type        = string
}

variable "environment" {
  description = "Variables of the function, without secrets."
  type        = map(string)
}

variable "secrets" {
  description = "Variables whose values are secrets: name of the variable to name of the secret in Secret Manager. Their versions are added outside Terraform, so that no state holds them."
  type        = map(string)
  default     = {}
}

variable "records" {
  description = "What it does with records."
  type        = string

  validation {
    condition     = contains(["none", "read", "write"], var.records)
    error_message = "records is one of none, read, write."
  }
}

variable "records_condition" {
  description = "IAM condition that keeps its role to the database of the records."
  type        = object({ title = string, expression = string })
}

variable "publishes_to" {
  description = "Short names of the topics it publishes to."
  type        = list(string)
  default     = []
}

variable "objects_in" {
  description = "Buckets whose objects it reads and writes for devices."
  type        = list(string)
  default     = []
}

variable "network" {
  description = "Where it reaches NATS; null when it need not."
  type = object({
    network    = string
    subnetwork = string
    tags       = list(string)
  })
  default = null
}

variable "memory" {
  description = "Memory of an instance."
  type        = string
  default     = "256Mi"
}

variable "concurrency" {
  description = "Requests that an instance serves at a time."
  type        = number
  default     = 80
}

variable "min_instances" {
  description = "Instances that are there while nobody calls, and are paid for."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "Instances at most: the cap on what a flood of requests can cost."
  type        = number
  default     = 10
}

variable "timeout_seconds" {
  description = "How long a request may take."
  type        = number
  default     = 60
}

variable "session_affinity" {
  description = "Whether who comes again is sent to the instance that knows it."
  type        = bool
  default     = false
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
