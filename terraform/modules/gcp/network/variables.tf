variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the nodes."
  type        = string
}

variable "cidr" {
  description = "Addresses of the nodes and of the functions that reach NATS."
  type        = string
  default     = "10.72.0.0/22"
}
