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

variable "fan_out_role" {
  description = "Name of the role of the fan-out there."
  type        = string
  default     = "drawbridge-fan-out"
}

variable "publishes_to" {
  description = "Short names of the topics it publishes to."
  type        = list(string)
}
