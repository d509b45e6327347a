output "address" {
  description = "Public address of the bridge."
  value       = google_compute_global_address.mqtt.address
}

output "endpoint" {
  description = "What devices connect to."
  value       = "mqtts://${var.domain}:${var.ports[0]}"
}

output "service_account" {
  description = "Email of the nodes' service account."
  value       = google_service_account.bridge.email
}

output "instance_group" {
  description = "Name of the instance group, for alerts."
  value       = google_compute_region_instance_group_manager.bridge.name
}
