variable "name" {
  description = "Name of the function, after `drawbridge-`."
  type        = string
}

variable "function" {
  description = "What runs, as DRAWBRIDGE_FUNCTIONS names it."
  type        = string
}

variable "events" {
  description = "What calls it: `http`, `queue` or `authorizer`."
  type        = string
  default     = "http"

  validation {
    condition     = contains(["http", "queue", "authorizer"], var.events)
    error_message = "events is one of http, queue, authorizer."
  }
}

variable "zip" {
  description = "The zip that `cargo xtask package` made."
  type        = string
}

variable "architecture" {
  description = "`arm64` or `x86_64`, as the zip is."
  type        = string
  default     = "arm64"
}

variable "environment" {
  description = "Variables of the function, without secrets."
  type        = map(string)
}

variable "secrets" {
  description = "Variables whose values are secrets: name of the variable to ARN of the secret. The function reads them when it starts; no state holds them."
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

variable "table_arn" {
  description = "ARN of the table of records."
  type        = string
}

variable "signing_key_arn" {
  description = "Key that it signs with; null for none."
  type        = string
  default     = null
}

variable "device_clients_arn" {
  description = "Client ids at AWS IoT that it may send to and disconnect; null for none."
  type        = list(string)
  default     = null
}

variable "queue_arn" {
  description = "Queue that feeds it; null for none."
  type        = string
  default     = null
}

variable "memory_mb" {
  description = "Memory, and with it the share of a processor: 1,769 MB are one whole."
  type        = number
  default     = 256
}

variable "timeout_seconds" {
  description = "How long a call may take."
  type        = number
  default     = 30
}

variable "max_concurrency" {
  description = "Calls at a time at most: the cap on what a flood can cost. -1 for the account's."
  type        = number
  default     = -1
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
}
