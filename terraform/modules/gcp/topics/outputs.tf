output "names" {
  description = "Short names of the topics, as event_notification_configs and IAM members take them."
  value       = [for topic in google_pubsub_topic.telemetry : topic.name]
}

output "ids" {
  description = "Full names: what `pubsub_topic_name` of a registry is set to."
  value       = { for name, topic in google_pubsub_topic.telemetry : name => topic.id }
}
