variable "name" {
  description = "Name of the table."
  type        = string
  default     = "drawbridge"
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` is refused as long as the table is there."
  type        = bool
  default     = true
}

variable "point_in_time_recovery" {
  description = "Whether the table keeps 35 days of changes, which costs storage."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
}
