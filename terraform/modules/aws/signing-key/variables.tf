variable "tags" {
  description = "Tags of everything."
  type        = map(string)
}
