# Devices as identities of Google Cloud: a pool, and the token exchange as its OpenID Connect issuer.

resource "google_iam_workload_identity_pool" "devices" {
  project                   = var.project
  workload_identity_pool_id = var.pool_id
  display_name              = "Devices of Drawbridge"
}

resource "google_iam_workload_identity_pool_provider" "devices" {
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.devices.workload_identity_pool_id
  workload_identity_pool_provider_id = "devices"
  display_name                       = "Drawbridge token exchange"

  # google.subject has at most 127 bytes, so it is the device's number; the names are attributes.
  attribute_mapping = {
    "google.subject"      = "assertion.sub"
    "attribute.project"   = "assertion.project"
    "attribute.registry"  = "assertion.registry"
    "attribute.device_id" = "assertion.device_id"
  }
  attribute_condition = "assertion.project == '${var.project}'"

  oidc {
    issuer_uri = var.issuer
  }
}

locals {
  pool = "principalSet://iam.googleapis.com/projects/${var.project_number}/locations/global/workloadIdentityPools/${google_iam_workload_identity_pool.devices.workload_identity_pool_id}"
}

# Devices of a registry that publish by themselves.
resource "google_pubsub_topic_iam_member" "publishers" {
  for_each = { for grant in var.publishers : "${grant.registry}/${grant.topic}" => grant }

  project = var.project
  topic   = each.value.topic
  role    = "roles/pubsub.publisher"
  member  = "${local.pool}/attribute.registry/${each.value.registry}"
}

# Devices of a registry that may act as a service account, where an API takes no federated token.
resource "google_service_account_iam_member" "impersonators" {
  for_each = { for grant in var.impersonators : "${grant.registry}/${grant.service_account}" => grant }

  service_account_id = "projects/${var.project}/serviceAccounts/${each.value.service_account}"
  role               = "roles/iam.workloadIdentityUser"
  member             = "${local.pool}/attribute.registry/${each.value.registry}"
}
