# Records of registries, devices, commands and tokens: one Firestore database. It costs nothing while nobody asks.

resource "google_firestore_database" "records" {
  project     = var.project
  name        = var.name
  location_id = var.location
  type        = "FIRESTORE_NATIVE"

  # Registries and devices are not had back by another apply.
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"
  point_in_time_recovery_enablement = var.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
}

# What expires goes by itself (docs/operations.md, Firestore).
resource "google_firestore_field" "expires" {
  for_each = var.expiring_collections

  project    = var.project
  database   = google_firestore_database.records.name
  collection = each.key
  field      = each.value

  ttl_config {}

  # Nothing is queried by it: an index would only cost writes.
  index_config {}
}
