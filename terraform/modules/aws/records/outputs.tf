output "url" {
  description = "What DRAWBRIDGE_RECORDS is set to."
  value       = "dynamodb://${aws_dynamodb_table.records.name}"
}

output "arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.records.arn
}
