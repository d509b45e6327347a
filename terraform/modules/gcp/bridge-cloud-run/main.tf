# The bridge on Cloud Run: MQTT over WebSocket, at wss://…/mqtt (ADR 0016). One service runs it and whoever sends commands, so
# that a live session is reached in the same process and nothing else is rented. An instance holds 1,000 connections.

resource "google_service_account" "bridge" {
  project      = var.project
  account_id   = "drawbridge-bridge-run"
  display_name = "Drawbridge bridge on Cloud Run"
}

resource "google_project_iam_member" "records" {
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.bridge.member

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
  member  = google_service_account.bridge.member
}

resource "google_secret_manager_secret_iam_member" "secrets" {
  for_each = var.secrets

  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.bridge.member
}

resource "google_cloud_run_v2_service" "bridge" {
  project             = var.project
  name                = "drawbridge-bridge"
  location            = var.region
  labels              = var.labels
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false

  template {
    service_account                  = google_service_account.bridge.email
    max_instance_request_concurrency = var.concurrency
    # A connection is a request; longer than this Cloud Run keeps none.
    timeout          = "${var.timeout_seconds}s"
    session_affinity = true
    labels           = var.labels

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      image = var.image

      resources {
        limits = {
          cpu    = "1"
          memory = var.memory
        }
        # An instance has its processor while a device is connected, and is paid for that time.
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = merge(var.environment, {
          DRAWBRIDGE_FUNCTIONS = join(",", concat(["bridge"], var.functions))
          # Sessions end in order before Cloud Run cuts them: what is under way has a minute.
          DRAWBRIDGE_MAX_SESSION_SECS = tostring(var.timeout_seconds - 60)
          # Twice this is less than the 10 s between SIGTERM and SIGKILL.
          DRAWBRIDGE_DRAIN_SECS = "4"
        })
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

# Who connects is proved inside, by the token in its CONNECT.
resource "google_cloud_run_v2_service_iam_member" "everybody" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.bridge.name
  role     = "roles/run.invoker"
  member   = "allUsers"
}
