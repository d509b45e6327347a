output "endpoints" {
  description = "Where each function answers. `drawbridge` takes them by its profile (README.md)."
  value       = { for name, function in module.function : name => function.url }
}

output "issuer" {
  description = "The token exchange as OpenID Connect issuer."
  value       = local.issuer
}

output "mqtt" {
  description = "Where MQTT devices connect to; null without the bridge."
  value       = var.with_bridge ? module.bridge[0].endpoint : null
}

output "mqtt_address" {
  description = "What mqtt_domain must resolve to, where dns_zone is not given."
  value       = var.with_bridge ? module.bridge[0].address : null
}

output "repository" {
  description = "Where the image is pushed to."
  value       = module.images.repository
}

output "topics" {
  description = "Full names of the topics, for the registry."
  value       = module.topics.ids
}

output "bucket" {
  description = "Bucket of devices' files."
  value       = module.files.name
}

output "devices_provider" {
  description = "The provider that trusts devices' tokens; examples/aws takes it."
  value       = local.provider
}

output "aws_credentials" {
  description = "How functions on AWS are themselves at Google; examples/aws takes it. It is no secret."
  value       = one(module.aws_trust[*].credentials)
}
