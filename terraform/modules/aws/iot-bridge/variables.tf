variable "authorizer_arn" {
  description = "ARN of the function that says who a device is."
  type        = string
}

variable "authorizer_name" {
  description = "Name of that function."
  type        = string
}

variable "domain" {
  description = "A name of your own for the endpoint, with its certificate in ACM; null for one of AWS's making."
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null
}

variable "fan_out_name" {
  description = "Name of the function that publishes what comes out of the queue."
  type        = string
}

variable "fan_out_timeout_seconds" {
  description = "How long a call of it may take. A message is seen again after six times that, as AWS advises."
  type        = number
}

variable "batch_size" {
  description = "Messages in one call at most: more are cheaper and later."
  type        = number
  default     = 10
}

variable "batching_window_seconds" {
  description = "How long a call waits for its messages, where batch_size is above 10."
  type        = number
  default     = 1
}

variable "max_fan_out_concurrency" {
  description = "Calls at a time at most: the cap on what a flood can cost."
  type        = number
  default     = 20
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
}
