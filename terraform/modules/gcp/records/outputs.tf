output "url" {
  description = "What DRAWBRIDGE_RECORDS is set to."
  value       = "firestore://${var.project}/${google_firestore_database.records.name}"
}

# Firestore has no policy of its own for a database: this is what keeps a role of the project to ours.
output "condition" {
  description = "IAM condition that holds for the database alone."
  value = {
    title      = "only the database ${google_firestore_database.records.name}"
    expression = "resource.name == \"projects/${var.project}/databases/${google_firestore_database.records.name}\""
  }
}
