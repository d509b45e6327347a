locals {
  # Those that share the bridge's process answer there.
  beside_bridge = local.on_cloud_run ? [for name, function in local.functions : name if function.commands] : []
  endpoints = merge(
    { for name, function in module.function : name => function.url },
    { for name in local.beside_bridge : name => module.bridge_cloud_run[0].url },
  )
}

output "endpoints" {
  description = "Where each function answers."
  value       = local.endpoints
}

output "profile" {
  description = "What `drawbridge profile from-terraform` takes: where functions answer, and the command that reads the admin token. It holds no secret."
  value = {
    endpoints           = local.endpoints
    project             = var.project
    region              = var.region
    admin_token_command = "gcloud secrets versions access latest --secret=${google_secret_manager_secret.admin_token.secret_id} --project=${var.project}"
  }
}

output "issuer" {
  description = "The token exchange as OpenID Connect issuer."
  value       = local.issuer
}

output "mqtt" {
  description = "Where MQTT devices connect to; null without the bridge."
  value       = one(concat(module.bridge[*].endpoint, module.bridge_cloud_run[*].endpoint))
}

output "mqtt_address" {
  description = "What mqtt_domain must resolve to, where dns_zone is not given; null without machines."
  value       = one(module.bridge[*].address)
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
