variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the repositories."
  type        = string
}

variable "readers" {
  description = "Service accounts of nodes, and whether they read the mirror of Docker Hub or our own repository."
  type = map(object({
    service_account = string
    mirror          = bool
  }))
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
