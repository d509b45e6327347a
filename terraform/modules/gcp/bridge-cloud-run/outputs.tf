output "endpoint" {
  description = "What devices connect to: `bridge` of the shim."
  value       = "${replace(module.service.url, "https://", "wss://")}/mqtt"
}

output "url" {
  description = "Where the functions beside the bridge answer."
  value       = module.service.url
}

output "service" {
  description = "Name of the service, for alerts."
  value       = module.service.service
}

output "service_account" {
  description = "Email of its service account."
  value       = module.service.service_account
}
