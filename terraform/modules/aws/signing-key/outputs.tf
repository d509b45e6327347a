output "url" {
  description = "What DRAWBRIDGE_SIGNING_KEYS is set to."
  value       = "awskms://${aws_kms_key.issuer.arn}"
}

output "arn" {
  description = "ARN of the key."
  value       = aws_kms_key.issuer.arn
}
