output "endpoint" {
  description = "What devices connect to: `bridge` of the shim."
  value       = "${replace(google_cloud_run_v2_service.bridge.uri, "https://", "wss://")}/mqtt"
}

output "url" {
  description = "Where the functions beside the bridge answer."
  value       = google_cloud_run_v2_service.bridge.uri
}

output "service" {
  description = "Name of the service, for alerts."
  value       = google_cloud_run_v2_service.bridge.name
}

output "service_account" {
  description = "Email of its service account."
  value       = google_service_account.bridge.email
}
