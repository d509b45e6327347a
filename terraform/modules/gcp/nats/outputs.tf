output "url" {
  description = "What DRAWBRIDGE_COMMANDS is set to."
  value       = "nats://${join(",", [for node in local.nodes : "${node.address}:4222"])}"
}

output "service_account" {
  description = "Email of the nodes' service account."
  value       = google_service_account.nats.email
}
