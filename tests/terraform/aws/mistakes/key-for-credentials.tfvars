# refused: A service account's key does not belong here: the state would hold it
google = {
  project          = "my-project"
  credentials      = "{\"type\":\"service_account\"}"
  devices_provider = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/drawbridge/providers/devices"
}
