variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Location of the key ring."
  type        = string
}

variable "protection_level" {
  description = "SOFTWARE, or HSM for a key in hardware."
  type        = string
  default     = "SOFTWARE"
}

variable "signer" {
  description = "Email of the service account that signs: the token exchange's."
  type        = string
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
