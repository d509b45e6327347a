# Bridge nodes on a managed instance group in three zones, behind a load balancer that terminates TLS on 8883 and 443 with a
# certificate of Google's making: no private key is in anybody's hands, and none in a state file.

resource "google_service_account" "bridge" {
  project      = var.project
  account_id   = "drawbridge-bridge"
  display_name = "Drawbridge bridge nodes"
}

# Reads devices and configurations; writes states, last-seen times and acknowledgements.
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

resource "google_project_iam_member" "logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.bridge.member
}

resource "google_compute_instance_template" "bridge" {
  project      = var.project
  name_prefix  = "drawbridge-bridge-"
  machine_type = var.machine_type
  tags         = ["drawbridge-bridge"]
  labels       = var.labels

  disk {
    source_image = "projects/cos-cloud/global/images/family/cos-stable"
    disk_size_gb = 10
    boot         = true
    auto_delete  = true
  }

  network_interface {
    subnetwork = var.subnetwork
  }

  metadata = {
    google-logging-enabled = "true"
    user-data = templatefile("${path.module}/cloud-init.yaml", {
      image = var.image
      environment = merge(var.environment, {
        DRAWBRIDGE_FUNCTIONS = "bridge"
        DRAWBRIDGE_MQTT      = "0.0.0.0:1884"
        PORT                 = "8080"
      })
    })
  }

  service_account {
    email  = google_service_account.bridge.email
    scopes = ["cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot = true
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_health_check" "ready" {
  project             = var.project
  name                = "drawbridge-bridge"
  check_interval_sec  = 5
  unhealthy_threshold = 2

  http_health_check {
    port         = 8080
    request_path = "/healthz"
  }
}

resource "google_compute_region_instance_group_manager" "bridge" {
  project            = var.project
  name               = "drawbridge-bridge"
  base_instance_name = "drawbridge-bridge"
  region             = var.region

  version {
    instance_template = google_compute_instance_template.bridge.id
  }

  named_port {
    name = "mqtt"
    port = 1884
  }

  auto_healing_policies {
    health_check      = google_compute_health_check.ready.id
    initial_delay_sec = 60
  }

  # One node after the other; devices of a node that stops are told so and connect to the others.
  update_policy {
    type                  = "PROACTIVE"
    minimal_action        = "REPLACE"
    max_surge_fixed       = 3
    max_unavailable_fixed = 0
  }

  # The autoscaler owns the size.
  lifecycle {
    ignore_changes = [target_size]
  }
}

resource "google_compute_region_autoscaler" "bridge" {
  project = var.project
  name    = "drawbridge-bridge"
  region  = var.region
  target  = google_compute_region_instance_group_manager.bridge.id

  autoscaling_policy {
    min_replicas    = var.min_nodes
    max_replicas    = var.max_nodes
    cooldown_period = 60

    cpu_utilization {
      target = 0.6
    }

    # A node that goes takes its devices' connections with it: one in ten minutes, not all at once.
    scale_in_control {
      time_window_sec = 600
      max_scaled_in_replicas {
        fixed = 1
      }
    }
  }
}

resource "google_compute_firewall" "balancer" {
  project = var.project
  name    = "drawbridge-bridge-balancer"
  network = var.network
  # Google's proxies and health checkers: cloud.google.com/load-balancing/docs/health-check-concepts#ip-ranges
  source_ranges = ["35.191.0.0/16", "130.211.0.0/22"]
  target_tags   = ["drawbridge-bridge"]

  allow {
    protocol = "tcp"
    ports    = ["1884", "8080"]
  }
}

resource "google_compute_backend_service" "bridge" {
  project               = var.project
  name                  = "drawbridge-bridge"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "TCP"
  port_name             = "mqtt"
  health_checks         = [google_compute_health_check.ready.id]
  # A session may be quiet for 1.5 times its keep-alive, which devices set up to 20 minutes.
  timeout_sec                     = 3600
  connection_draining_timeout_sec = 60

  backend {
    group           = google_compute_region_instance_group_manager.bridge.instance_group
    balancing_mode  = "CONNECTION"
    max_connections = var.connections_per_node * var.max_nodes
  }
}

resource "google_compute_managed_ssl_certificate" "mqtt" {
  project = var.project
  name    = "drawbridge-mqtt"

  managed {
    domains = [var.domain]
  }
}

resource "google_compute_target_ssl_proxy" "mqtt" {
  project          = var.project
  name             = "drawbridge-mqtt"
  backend_service  = google_compute_backend_service.bridge.id
  ssl_certificates = [google_compute_managed_ssl_certificate.mqtt.id]
}

resource "google_compute_global_address" "mqtt" {
  project = var.project
  name    = "drawbridge-mqtt"
  labels  = var.labels
}

resource "google_compute_global_forwarding_rule" "mqtt" {
  for_each = toset(var.ports)

  project               = var.project
  name                  = "drawbridge-mqtt-${each.key}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.mqtt.id
  port_range            = each.key
  target                = google_compute_target_ssl_proxy.mqtt.id
  labels                = var.labels
}

resource "google_dns_record_set" "mqtt" {
  count = var.dns_zone == null ? 0 : 1

  project      = var.project
  managed_zone = var.dns_zone
  name         = "${var.domain}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.mqtt.address]
}
