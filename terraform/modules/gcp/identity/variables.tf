variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "project_number" {
  description = "Number of that project: principals are named by it."
  type        = string
}

variable "pool_id" {
  description = "Id of the workload identity pool. A deleted one blocks its id for 30 days."
  type        = string
  default     = "drawbridge"
}

variable "issuer" {
  description = "URL of the token exchange; Google fetches its keys there."
  type        = string

  validation {
    condition     = startswith(var.issuer, "https://")
    error_message = "Google trusts only an issuer of https."
  }
}

variable "publishers" {
  description = "Registries whose devices may publish to a topic by themselves."
  type = list(object({
    registry = string
    topic    = string
  }))
  default = []
}

variable "impersonators" {
  description = "Registries whose devices may act as a service account."
  type = list(object({
    registry        = string
    service_account = string
  }))
  default = []
}
