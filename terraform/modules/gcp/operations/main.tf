# Who is paged, for what; how long logs are kept; when the money is more than was meant.

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.emails)

  project      = var.project
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
  user_labels  = var.labels
}

locals {
  channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  # Each names what it means and what to do; docs/operations.md has more.
  alerts = {
    "functions answer with errors" = {
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\" AND resource.labels.service_name = monitoring.regex.full_match(\"drawbridge-.*\")"
      aligner   = "ALIGN_RATE"
      reducer   = "REDUCE_SUM"
      threshold = 0.1
      duration  = "300s"
      text      = "More than one request in ten seconds fails. Look at the service's log: each failure is one line with its cause."
    }
    "telemetry waits for a subscriber" = {
      filter    = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"${join("|", var.subscriptions)}\")"
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_MAX"
      threshold = 3600
      duration  = "600s"
      text      = "The oldest message has waited for an hour: is the subscriber running? After seven days messages are lost."
    }
    "messages became dead letters" = {
      filter    = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      threshold = 0
      duration  = "0s"
      text      = "A subscriber failed ten times on a message. It rests in the subscription `…-dead-letters` for 31 days."
    }
  }
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts

  project               = var.project
  display_name          = "Drawbridge: ${each.key}"
  combiner              = "OR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = each.key
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
      }
    }
  }

  documentation {
    content   = each.value.text
    mime_type = "text/markdown"
  }
}

# One line of a bridge or function at ERROR is worth a look: there is none on a happy day.
resource "google_monitoring_alert_policy" "errors_logged" {
  project               = var.project
  display_name          = "Drawbridge: an error was logged"
  combiner              = "OR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "an error was logged"
    condition_matched_log {
      filter = "severity >= ERROR AND (resource.labels.service_name =~ \"^drawbridge-\" OR jsonPayload._SYSTEMD_UNIT = \"drawbridge.service\")"
    }
  }

  alert_strategy {
    notification_rate_limit {
      period = "3600s"
    }
  }
}

resource "google_logging_project_bucket_config" "default" {
  project        = var.project
  location       = "global"
  bucket_id      = "_Default"
  retention_days = var.log_retention_days
}

resource "google_billing_budget" "budget" {
  count = var.billing_account == null ? 0 : 1

  billing_account = var.billing_account
  display_name    = "Drawbridge in ${var.project}"

  budget_filter {
    projects = ["projects/${var.project_number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = local.channels
  }
}
