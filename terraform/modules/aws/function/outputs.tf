output "url" {
  description = "Where it answers; null unless HTTP calls it."
  value       = one(aws_lambda_function_url.function[*].function_url)
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.function.arn
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.function.function_name
}

output "role_arn" {
  description = "ARN of its role: who it is to Google."
  value       = aws_iam_role.function.arn
}
