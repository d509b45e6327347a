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

# Nothing is queried by a field: listings are ranges of ids (docs/adr/0012). An index would cost a write for each write, and hold
# `json`, which may be larger than an index takes. A document has these two fields and no others.
locals {
  collections = [
    "registries", "devices", "device-numbers", "configs", "states", "statuses", "commands", "broadcasts", "bindings", "policies",
    "issued-tokens",
  ]
}

resource "google_firestore_field" "unindexed" {
  for_each = { for pair in setproduct(local.collections, ["json", "write"]) : join("/", pair) => { collection = pair[0], field = pair[1] } }

  project    = var.project
  database   = google_firestore_database.records.name
  collection = each.value.collection
  field      = each.value.field

  index_config {}
}
