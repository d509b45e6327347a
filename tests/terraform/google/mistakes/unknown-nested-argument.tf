# refused: An argument named "attempts" is not expected here
resource "google_pubsub_subscription" "mistake" {
  name  = "readings"
  topic = "readings"

  dead_letter_policy {
    attempts = 10
  }
}
