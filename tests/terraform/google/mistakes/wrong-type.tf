# refused: Inappropriate value for attribute "ack_deadline_seconds": a number is required
resource "google_pubsub_subscription" "mistake" {
  name                 = "readings"
  topic                = "readings"
  ack_deadline_seconds = "soon"
}
