# refused: The argument "location" is required
resource "google_storage_bucket" "mistake" {
  name = "files"
}
