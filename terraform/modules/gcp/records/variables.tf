variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "name" {
  description = "Name of the Firestore database."
  type        = string
  default     = "drawbridge"
}

variable "location" {
  description = "Location of the database, for example `eur3` or `europe-west1`. It cannot be changed later."
  type        = string
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` leaves the database and all records in it alone."
  type        = bool
  default     = true
}

variable "point_in_time_recovery" {
  description = "Whether the database keeps seven days of versions, which costs storage."
  type        = bool
  default     = false
}
