# refused: Blocks of type "ttl_config" are not expected here
resource "aws_dynamodb_table" "mistake" {
  name = "records"

  ttl_config {
    enabled = true
  }
}
