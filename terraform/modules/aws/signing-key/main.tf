# The key that signs subject tokens: made in KMS, and it never leaves.

resource "aws_kms_key" "issuer" {
  description              = "Drawbridge: signs the tokens by which devices are known to Google"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  deletion_window_in_days  = 30
  tags                     = var.tags
}

resource "aws_kms_alias" "issuer" {
  name          = "alias/drawbridge-issuer"
  target_key_id = aws_kms_key.issuer.key_id
}
