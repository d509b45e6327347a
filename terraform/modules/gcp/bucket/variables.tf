variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "name" {
  description = "Name of the bucket, unique in all of Google Cloud."
  type        = string
}

variable "location" {
  description = "Where the files rest."
  type        = string
}

variable "versioning" {
  description = "Whether what is overwritten or deleted is kept, which costs storage."
  type        = bool
  default     = false
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
