# One function on Lambda: a role of its own with what it needs and no more, and a log that does not grow for ever.

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

locals {
  name = "drawbridge-${var.name}"

  record_actions = {
    none  = []
    read  = ["dynamodb:GetItem", "dynamodb:Query"]
    write = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]
  }
}

data "aws_iam_policy_document" "function" {
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }

  dynamic "statement" {
    for_each = var.records == "none" ? [] : [1]
    content {
      sid       = "Records"
      actions   = local.record_actions[var.records]
      resources = [var.table_arn]
    }
  }

  dynamic "statement" {
    for_each = var.signing_key_arn == null ? [] : [1]
    content {
      sid       = "Sign"
      actions   = ["kms:Sign", "kms:GetPublicKey"]
      resources = [var.signing_key_arn]
    }
  }

  dynamic "statement" {
    for_each = var.device_clients_arn == null ? [] : [1]
    content {
      sid       = "ReachDevices"
      actions   = ["iot:SendDirectMessage", "iot:DeleteConnection"]
      resources = var.device_clients_arn
    }
  }

  dynamic "statement" {
    for_each = var.queue_arn == null ? [] : [1]
    content {
      sid       = "TakeFromQueue"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [var.queue_arn]
    }
  }

  dynamic "statement" {
    for_each = length(var.secrets) == 0 ? [] : [1]
    content {
      sid       = "ReadSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = values(var.secrets)
    }
  }
}

resource "aws_iam_role" "function" {
  name               = local.name
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.function.json
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${local.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_lambda_function" "function" {
  function_name                  = local.name
  role                           = aws_iam_role.function.arn
  runtime                        = "provided.al2023"
  architectures                  = [var.architecture]
  handler                        = "bootstrap"
  filename                       = var.zip
  source_code_hash               = filebase64sha256(var.zip)
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.max_concurrency
  tags                           = var.tags

  environment {
    variables = merge(
      var.environment,
      { for name, arn in var.secrets : "${name}_SECRET" => arn },
      { DRAWBRIDGE_FUNCTIONS = var.function, DRAWBRIDGE_EVENTS = var.events },
      # In the zip: the few roots of Google and Amazon, which are read in a fraction of the time of the system's.
      { SSL_CERT_FILE = "/var/task/roots.pem" },
    )
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function.name
  }
}

# Who calls is proved inside: devices by their tokens, administrators by theirs.
resource "aws_lambda_function_url" "function" {
  count = var.events == "http" ? 1 : 0

  function_name      = aws_lambda_function.function.function_name
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "everybody" {
  count = var.events == "http" ? 1 : 0

  statement_id           = "FunctionUrl"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.function.function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}
