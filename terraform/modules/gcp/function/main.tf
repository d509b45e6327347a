# One function on Cloud Run, alone or with others in its process: a service account of its own, the roles it needs, and instances
# only while somebody calls.

resource "google_service_account" "function" {
  project      = var.project
  account_id   = "drawbridge-${var.short_name}"
  display_name = "Drawbridge ${var.name}"
}

resource "google_project_iam_member" "records" {
  count = var.records == "none" ? 0 : 1

  project = var.project
  role    = var.records == "read" ? "roles/datastore.viewer" : "roles/datastore.user"
  member  = google_service_account.function.member

  condition {
    title      = var.records_condition.title
    expression = var.records_condition.expression
  }
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = toset(var.publishes_to)

  project = var.project
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = google_service_account.function.member
}

resource "google_storage_bucket_iam_member" "objects" {
  for_each = toset(var.objects_in)

  bucket = each.value
  role   = "roles/storage.objectUser"
  member = google_service_account.function.member
}

# A signed URL is signed by the account's own key at IAM Credentials, which never leaves it.
resource "google_service_account_iam_member" "signs_urls" {
  count = length(var.objects_in) > 0 ? 1 : 0

  service_account_id = google_service_account.function.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.function.member
}

resource "google_secret_manager_secret_iam_member" "secrets" {
  for_each = var.secrets

  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function.member
}

resource "google_cloud_run_v2_service" "function" {
  project             = var.project
  name                = "drawbridge-${var.name}"
  location            = var.region
  labels              = var.labels
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false

  template {
    service_account                  = google_service_account.function.email
    max_instance_request_concurrency = var.concurrency
    timeout                          = "${var.timeout_seconds}s"
    session_affinity                 = var.session_affinity
    labels                           = var.labels

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      image = var.image

      # gRPC wants HTTP/2 as far as the process; where the bridge runs, a WebSocket begins as HTTP/1.
      ports {
        name           = contains(["command-relay", "device-registry"], var.name) ? "h2c" : "http1"
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = "1"
          memory = var.memory
        }
        # An instance has its processor while it is called or a device is connected, and is paid for that time.
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(var.environment, { DRAWBRIDGE_FUNCTIONS = join(",", concat([var.name], var.beside)) })
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 30
        http_get {
          path = "/readyz"
        }
      }

      liveness_probe {
        period_seconds = 30
        http_get {
          path = "/healthz"
        }
      }
    }

    dynamic "vpc_access" {
      for_each = var.network == null ? [] : [var.network]
      content {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
          tags       = vpc_access.value.tags
        }
      }
    }
  }

  # An instance reads its secrets when it starts.
  depends_on = [google_secret_manager_secret_iam_member.secrets]
}

# Who calls is proved inside: devices by their tokens, administrators by theirs.
resource "google_cloud_run_v2_service_iam_member" "everybody" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.function.name
  role     = "roles/run.invoker"
  member   = "allUsers"
}
