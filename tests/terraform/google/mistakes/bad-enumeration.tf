# refused: type is "FIRESTORE"; it must be one of FIRESTORE_NATIVE, DATASTORE_MODE
resource "google_firestore_database" "mistake" {
  name        = "records"
  location_id = "eur3"
  type        = "FIRESTORE"
}
