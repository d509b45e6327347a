project = "my-project"
region  = "europe-west1"
image   = "europe-west1-docker.pkg.dev/my-project/drawbridge/drawbridge-function@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

event_notification_configs = [{ pubsub_topic_name = "readings" }]

with_bridge = true
mqtt_domain = "mqtt.example.com"
dns_zone    = "example"
zones       = ["europe-west1-b", "europe-west1-c", "europe-west1-d"]

direct_publishers = [{ registry = "greenhouse", topic = "readings" }]
impersonators     = [{ registry = "greenhouse", service_account = "operator@my-project.iam.gserviceaccount.com" }]
aws_account       = "123456789012"
alert_emails      = ["operations@example.com"]
billing_account   = "000000-000000-000000"
