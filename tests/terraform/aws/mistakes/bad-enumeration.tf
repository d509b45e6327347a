# refused: expected authorization_type to be one of
resource "aws_lambda_function_url" "mistake" {
  function_name      = "function"
  authorization_type = "PUBLIC"
}
