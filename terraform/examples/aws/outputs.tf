# What is called over HTTP, by its name in DRAWBRIDGE_FUNCTIONS.
locals {
  endpoints = { for name, function in module.function : local.functions[name].function => function.url if local.functions[name].events == "http" }
}

output "endpoints" {
  description = "Where each function answers."
  value       = local.endpoints
}

output "profile" {
  description = "What `drawbridge profile from-terraform` takes: where functions answer, and the command that reads the admin token. It holds no secret."
  value = {
    endpoints           = local.endpoints
    project             = var.google.project
    region              = var.region
    admin_token_command = "aws secretsmanager get-secret-value --region ${var.region} --secret-id ${aws_secretsmanager_secret.admin_token.name} --query SecretString --output text"
  }
}

output "issuer" {
  description = "The token exchange as OpenID Connect issuer: what the variable `issuer` is set to once it is known."
  value       = trimsuffix(local.endpoints["token-exchange"], "/")
}

output "mqtt" {
  description = "Where MQTT devices connect to, on 8883 or 443, without ALPN and without naming an authorizer."
  value       = module.bridge.endpoint
}

output "fan_out_role" {
  description = "Name of the role that Google has to know (modules/gcp/aws-trust)."
  value       = split("/", module.function["fan-out"].role_arn)[1]
}

output "table" {
  description = "What DRAWBRIDGE_RECORDS is set to."
  value       = module.records.url
}
