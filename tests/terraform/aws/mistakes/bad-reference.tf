# refused: This object has no argument, nested block, or exported attribute named "uri"
output "mistake" {
  value = aws_secretsmanager_secret.admin_token.uri
}
