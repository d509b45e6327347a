variable "emails" {
  description = "Who is told. Each has to confirm by a mail of AWS."
  type        = list(string)
}

variable "functions" {
  description = "Names of the functions to watch."
  type        = list(string)
}

variable "queue" {
  description = "Name of the queue of events."
  type        = string
}

variable "dead_letters" {
  description = "Name of the queue of dead letters."
  type        = string
}

variable "monthly_budget" {
  description = "What a month may cost in dollars before somebody is told; null for no budget."
  type        = number
  default     = null
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
}
