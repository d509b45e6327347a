output "url" {
  description = "What DRAWBRIDGE_RECORDS is set to."
  value       = "firestore://${var.project}/${google_firestore_database.records.name}"
}

output "database" {
  description = "Name of the database."
  value       = google_firestore_database.records.name
}
