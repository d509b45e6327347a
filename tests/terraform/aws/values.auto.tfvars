region              = "eu-central-1"
zip                 = "function.zip"
issuer              = "https://tokens.example.com"
deletion_protection = false
alert_emails        = ["operations@example.com"]

google = {
  project          = "my-project"
  credentials      = "{}"
  devices_provider = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/drawbridge/providers/devices"
}
