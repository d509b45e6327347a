# refused: An argument named "memory" is not expected here
resource "aws_lambda_function" "mistake" {
  function_name = "function"
  role          = "arn:aws:iam::123456789012:role/function"
  memory        = 256
}
