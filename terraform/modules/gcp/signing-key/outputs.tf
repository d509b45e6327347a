output "url" {
  description = "What DRAWBRIDGE_SIGNING_KEYS is set to."
  value       = "kms://${google_kms_crypto_key.issuer.id}"
}
