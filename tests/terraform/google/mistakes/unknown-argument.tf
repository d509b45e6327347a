# refused: An argument named "retention" is not expected here
resource "google_pubsub_topic" "mistake" {
  name      = "readings"
  retention = "86400s"
}
