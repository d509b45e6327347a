variable "project" {
  description = "Project that holds the topics."
  type        = string
}

variable "project_number" {
  description = "Number of that project."
  type        = string
}

variable "aws_account" {
  description = "Number of the AWS account whose functions publish."
  type        = string
}

variable "publisher_roles" {
  description = "Names of the roles there that publish: of the fan-out behind the queue, and of the HTTP bridge."
  type        = list(string)
  default     = ["drawbridge-fan-out", "drawbridge-http"]
}

variable "files_role" {
  description = "Name of the role there that serves files of devices."
  type        = string
  default     = "drawbridge-files"
}

variable "objects_in" {
  description = "Buckets whose files it serves."
  type        = list(string)
}

variable "publishes_to" {
  description = "Short names of the topics they publish to."
  type        = list(string)
}
