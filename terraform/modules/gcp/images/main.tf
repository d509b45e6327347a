# Where nodes and functions get their images from: our own, and a mirror of Docker Hub for NATS, since nodes have no way to the internet.

resource "google_artifact_registry_repository" "drawbridge" {
  project       = var.project
  location      = var.region
  repository_id = "drawbridge"
  format        = "DOCKER"
  labels        = var.labels

  cleanup_policies {
    id     = "keep-ten"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }
}

resource "google_artifact_registry_repository" "docker_hub" {
  project       = var.project
  location      = var.region
  repository_id = "docker-hub"
  format        = "DOCKER"
  mode          = "REMOTE_REPOSITORY"
  labels        = var.labels

  remote_repository_config {
    docker_repository {
      public_repository = "DOCKER_HUB"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "readers" {
  for_each = var.readers

  project    = var.project
  location   = var.region
  repository = each.value.mirror ? google_artifact_registry_repository.docker_hub.name : google_artifact_registry_repository.drawbridge.name
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${each.value.service_account}"
}
