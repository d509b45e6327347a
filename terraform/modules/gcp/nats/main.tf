# Three nodes of core NATS, one in each zone, at fixed addresses. They keep nothing: a lost node is made anew with an empty disk.

locals {
  nodes = { for index, zone in var.zones : zone => {
    name    = "drawbridge-nats-${index + 1}"
    address = google_compute_address.node[zone].address
  } }
  routes = [for node in local.nodes : "nats://${node.address}:6222"]
}

resource "google_service_account" "nats" {
  project      = var.project
  account_id   = "drawbridge-nats"
  display_name = "Drawbridge NATS nodes"
}

resource "google_compute_address" "node" {
  for_each = toset(var.zones)

  project      = var.project
  name         = "drawbridge-nats-${each.key}"
  region       = var.region
  subnetwork   = var.subnetwork
  address_type = "INTERNAL"
  labels       = var.labels
}

resource "google_compute_instance_template" "node" {
  for_each = local.nodes

  project      = var.project
  name_prefix  = "${each.value.name}-"
  machine_type = var.machine_type
  tags         = ["drawbridge-nats"]
  labels       = var.labels

  disk {
    source_image = "projects/cos-cloud/global/images/family/cos-stable"
    disk_size_gb = 10
    boot         = true
    auto_delete  = true
  }

  network_interface {
    subnetwork = var.subnetwork
    network_ip = each.value.address
  }

  metadata = {
    google-logging-enabled = "true"
    user-data = templatefile("${path.module}/cloud-init.yaml", {
      name   = each.value.name
      image  = var.image
      routes = join(",", local.routes)
    })
  }

  service_account {
    email  = google_service_account.nats.email
    scopes = ["cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot = true
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_health_check" "nats" {
  project             = var.project
  name                = "drawbridge-nats"
  check_interval_sec  = 10
  unhealthy_threshold = 3

  http_health_check {
    port         = 8222
    request_path = "/healthz"
  }
}

resource "google_compute_instance_group_manager" "node" {
  for_each = local.nodes

  project            = var.project
  name               = each.value.name
  base_instance_name = each.value.name
  zone               = each.key
  target_size        = 1

  version {
    instance_template = google_compute_instance_template.node[each.key].id
  }

  auto_healing_policies {
    health_check      = google_compute_health_check.nats.id
    initial_delay_sec = 120
  }

  # The address can be held once: the old node goes before the new one comes.
  update_policy {
    type                  = "PROACTIVE"
    minimal_action        = "REPLACE"
    replacement_method    = "RECREATE"
    max_surge_fixed       = 0
    max_unavailable_fixed = 1
  }
}

# Bridge nodes and functions, which have addresses of the subnetwork, reach it and nobody else: the network proves who asks.
resource "google_compute_firewall" "clients" {
  project       = var.project
  name          = "drawbridge-nats-clients"
  network       = var.network
  source_ranges = [var.cidr]
  target_tags   = ["drawbridge-nats"]

  allow {
    protocol = "tcp"
    ports    = ["4222"]
  }
}

resource "google_compute_firewall" "routes" {
  project     = var.project
  name        = "drawbridge-nats-routes"
  network     = var.network
  source_tags = ["drawbridge-nats"]
  target_tags = ["drawbridge-nats"]

  allow {
    protocol = "tcp"
    ports    = ["6222"]
  }
}

resource "google_compute_firewall" "health" {
  project = var.project
  name    = "drawbridge-nats-health"
  network = var.network
  # Google's health checkers: cloud.google.com/load-balancing/docs/health-check-concepts#ip-ranges
  source_ranges = ["35.191.0.0/16", "130.211.0.0/22"]
  target_tags   = ["drawbridge-nats"]

  allow {
    protocol = "tcp"
    ports    = ["8222"]
  }
}
