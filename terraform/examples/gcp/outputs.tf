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
