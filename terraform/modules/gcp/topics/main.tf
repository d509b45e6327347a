# Topics of telemetry events and states, each with a subscription and a topic for what no subscriber could handle.

locals {
  dead_letter_publisher = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "telemetry" {
  for_each = var.topics

  project                    = var.project
  name                       = each.key
  labels                     = var.labels
  message_retention_duration = each.value.retention

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_pubsub_topic" "dead_letters" {
  for_each = var.topics

  project = var.project
  name    = "${each.key}-dead-letters"
  labels  = var.labels
}

resource "google_pubsub_subscription" "telemetry" {
  for_each = var.topics

  project = var.project
  name    = each.key
  topic   = google_pubsub_topic.telemetry[each.key].id
  labels  = var.labels

  enable_message_ordering    = true
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters[each.key].id
    max_delivery_attempts = 10
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }
}

# A dead letter that nobody subscribes to is lost.
resource "google_pubsub_subscription" "dead_letters" {
  for_each = var.topics

  project = var.project
  name    = "${each.key}-dead-letters"
  topic   = google_pubsub_topic.dead_letters[each.key].id
  labels  = var.labels

  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "dead_letters" {
  for_each = var.topics

  project = var.project
  topic   = google_pubsub_topic.dead_letters[each.key].name
  role    = "roles/pubsub.publisher"
  member  = local.dead_letter_publisher
}

resource "google_pubsub_subscription_iam_member" "dead_letters" {
  for_each = var.topics

  project      = var.project
  subscription = google_pubsub_subscription.telemetry[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.dead_letter_publisher
}
