output "repository" {
  description = "Where the image of drawbridge-function is pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.drawbridge.repository_id}"
}

output "docker_hub" {
  description = "The mirror of Docker Hub."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.docker_hub.repository_id}"
}
