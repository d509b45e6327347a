# Beyond what README.md sets.
event_notification_configs = [
  { pubsub_topic_name = "alarms", subfolder_matches = "alarms" },
  { pubsub_topic_name = "readings" },
]
state_notification_config = { pubsub_topic_name = "states" }

alert_emails    = ["operations@example.com"]
billing_account = "000000-000000-000000"
