# refused: Blocks of type "container" are not expected here
resource "google_cloud_run_v2_service" "mistake" {
  name     = "function"
  location = "europe-west1"

  template {
    container {
      image = "image"
    }
  }
}
