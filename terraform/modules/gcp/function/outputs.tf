output "url" {
  description = "Where it answers."
  value       = google_cloud_run_v2_service.function.uri
}

output "service" {
  description = "Name of the service, for alerts."
  value       = google_cloud_run_v2_service.function.name
}

output "service_account" {
  description = "Email of its service account."
  value       = google_service_account.function.email
}
