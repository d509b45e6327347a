# refused: This object has no argument, nested block, or exported attribute named "url"
resource "google_cloud_run_v2_service" "mistake" {
  name     = "function"
  location = "europe-west1"

  template {}
}

output "mistake" {
  value = google_cloud_run_v2_service.mistake.url
}
