# A network of its own for bridge and NATS. Nodes have no public address and need none: Google and the images are reached by
# Private Google Access, so there is no Cloud NAT to pay.

resource "google_compute_network" "drawbridge" {
  project                 = var.project
  name                    = "drawbridge"
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "drawbridge" {
  project                  = var.project
  name                     = "drawbridge"
  region                   = var.region
  network                  = google_compute_network.drawbridge.id
  ip_cidr_range            = var.cidr
  private_ip_google_access = true
}
