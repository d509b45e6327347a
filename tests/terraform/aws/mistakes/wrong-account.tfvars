# refused: AWS account ID not allowed: 123456789012
account = "210987654321"
