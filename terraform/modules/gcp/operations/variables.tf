variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "project_number" {
  description = "Number of that project."
  type        = string
}

variable "emails" {
  description = "Who is told."
  type        = list(string)
}

variable "subscriptions" {
  description = "Subscriptions that somebody should be reading."
  type        = list(string)
}

variable "log_retention_days" {
  description = "Days that logs are kept; 30 are free."
  type        = number
  default     = 30
}

variable "billing_account" {
  description = "Billing account to watch; null for no budget. A budget warns, it stops nothing."
  type        = string
  default     = null
}

variable "monthly_budget" {
  description = "What a month may cost, in whole units of the account's currency."
  type        = number
  default     = 100
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
