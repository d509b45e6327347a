# refused: The argument "authorization_type" is required
resource "aws_lambda_function_url" "mistake" {
  function_name = "function"
}
