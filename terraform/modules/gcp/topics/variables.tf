variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "project_number" {
  description = "Number of that project."
  type        = string
}

variable "region" {
  description = "Where messages rest."
  type        = string
}

variable "topics" {
  description = "Topics by name. `retention` is how long a topic keeps what was delivered, such as `86400s`; null for not at all, which costs nothing."
  type = map(object({
    retention = optional(string)
  }))
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
