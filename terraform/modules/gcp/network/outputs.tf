output "network" {
  description = "Id of the network."
  value       = google_compute_network.drawbridge.id
}

output "subnetwork" {
  description = "Id of the subnetwork."
  value       = google_compute_subnetwork.drawbridge.id
}

output "cidr" {
  description = "Its addresses."
  value       = google_compute_subnetwork.drawbridge.ip_cidr_range
}
