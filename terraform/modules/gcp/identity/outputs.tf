output "provider" {
  description = "What DRAWBRIDGE_TOKENS is set to: the audience of subject tokens."
  value       = "//iam.googleapis.com/projects/${var.project_number}/locations/global/workloadIdentityPools/${google_iam_workload_identity_pool.devices.workload_identity_pool_id}/providers/${google_iam_workload_identity_pool_provider.devices.workload_identity_pool_provider_id}"
}

output "pool" {
  description = "Prefix of principal sets, to grant roles to devices by attribute."
  value       = local.pool
}
