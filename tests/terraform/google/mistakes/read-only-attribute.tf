# refused: state is read-only
resource "google_iam_workload_identity_pool" "mistake" {
  workload_identity_pool_id = "devices"
  state                     = "ACTIVE"
}
