region              = "eu-central-1"
zip                 = "function.zip"
issuer              = "https://tokens.example.com"
deletion_protection = false
monthly_budget      = 20
alert_emails        = ["operations@example.com"]

google = {
  project          = "my-project"
  credentials      = "{}"
  devices_provider = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/drawbridge/providers/devices"
}
