project = "my-project"
region  = "europe-west1"
image   = "europe-west1-docker.pkg.dev/my-project/drawbridge/drawbridge-function@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

event_notification_configs = [
  { pubsub_topic_name = "alarms", subfolder_matches = "alarms" },
  { pubsub_topic_name = "readings" },
]
state_notification_config = { pubsub_topic_name = "states" }
