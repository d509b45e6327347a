project = "my-project"
region  = "europe-west1"
image   = "europe-west1-docker.pkg.dev/my-project/drawbridge/drawbridge-function@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

event_notification_configs = [{ pubsub_topic_name = "readings" }]

with_bridge          = true
bridge_home          = "cloud-run"
bridge_min_instances = 1

alert_emails    = ["operations@example.com"]
billing_account = "000000-000000-000000"
