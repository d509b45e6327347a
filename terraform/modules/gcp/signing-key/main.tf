# The key that signs subject tokens: made in Cloud KMS, and it never leaves.

resource "google_kms_key_ring" "issuer" {
  project  = var.project
  name     = "drawbridge"
  location = var.region
}

resource "google_kms_crypto_key" "issuer" {
  name     = "issuer"
  key_ring = google_kms_key_ring.issuer.id
  purpose  = "ASYMMETRIC_SIGN"
  labels   = var.labels

  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = var.protection_level
  }

  # Tokens name a version of it: without it every device is locked out.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "signs" {
  crypto_key_id = google_kms_crypto_key.issuer.id
  role          = "roles/cloudkms.signerVerifier"
  member        = "serviceAccount:${var.signer}"
}

# Lists the versions to publish all that are enabled.
resource "google_kms_crypto_key_iam_member" "lists" {
  crypto_key_id = google_kms_crypto_key.issuer.id
  role          = "roles/cloudkms.viewer"
  member        = "serviceAccount:${var.signer}"
}
