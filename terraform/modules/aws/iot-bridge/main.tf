# AWS IoT Core as the bridge: it asks our authorizer who a device is, and puts what devices send into a queue that feeds the
# fan-out. What AWS cannot do that our own bridge can stands in docs/compatibility.md.

resource "aws_iot_authorizer" "devices" {
  name                    = "drawbridge"
  authorizer_function_arn = var.authorizer_arn
  signing_disabled        = true
  enable_caching_for_http = false
  status                  = "ACTIVE"
  tags                    = var.tags
}

# Devices name no authorizer and send no ALPN, as Cloud IoT Core wanted neither: an endpoint of their own asks ours of everybody, on
# 8883 and 443. The account's own endpoint stays as it is, for whoever else uses it.
resource "aws_iot_domain_configuration" "devices" {
  name                    = "drawbridge"
  service_type            = "DATA"
  authentication_type     = "CUSTOM_AUTH"
  application_protocol    = "SECURE_MQTT"
  domain_name             = var.domain == null ? null : var.domain.name
  server_certificate_arns = var.domain == null ? null : [var.domain.certificate_arn]
  tags                    = var.tags

  authorizer_config {
    default_authorizer_name   = aws_iot_authorizer.devices.name
    allow_authorizer_override = false
  }
}

resource "aws_lambda_permission" "authorizer" {
  statement_id  = "AwsIot"
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer_name
  principal     = "iot.amazonaws.com"
  source_arn    = aws_iot_authorizer.devices.arn
}

# What ten attempts could not handle rests here for 14 days.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "drawbridge-events-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue" "events" {
  name                       = "drawbridge-events"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 6 * var.fan_out_timeout_seconds
  sqs_managed_sse_enabled    = true
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 10
  })
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["iot.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "send" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.events.arn, aws_sqs_queue.dead_letters.arn]
  }
}

resource "aws_iam_role" "rule" {
  name               = "drawbridge-iot-rule"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "rule" {
  name   = "send"
  role   = aws_iam_role.rule.id
  policy = data.aws_iam_policy_document.send.json
}

# What becomes a message of the queue: infra/host/src/lambda/heard.rs reads it. The payload as base64, whatever it is; the client
# id is the device's whole name, which the authorizer has proved. `#` does not match the level above it at AWS.
locals {
  sent = "encode(*, 'base64') AS binaryData, clientid() AS clientId, topic() AS topic, timestamp() AS receivedAtMs, get_user_properties('readingId') AS readingId, get_user_properties('capturedAtMs') AS capturedAtMs"

  rules = {
    events     = "SELECT ${local.sent} FROM '/devices/+/events'"
    subfolders = "SELECT ${local.sent} FROM '/devices/+/events/#'"
    states     = "SELECT ${local.sent} FROM '/devices/+/state'"
    # A device that subscribed is sent its configuration and the commands that waited.
    subscribed = "SELECT clientId, eventType, topics, timestamp AS receivedAtMs FROM '$aws/events/subscriptions/subscribed/#'"
  }
}

resource "aws_iot_topic_rule" "queue" {
  for_each = local.rules

  name        = "drawbridge_${each.key}"
  enabled     = true
  sql         = each.value
  sql_version = "2016-03-23"
  tags        = var.tags

  sqs {
    queue_url  = aws_sqs_queue.events.url
    role_arn   = aws_iam_role.rule.arn
    use_base64 = false
  }

  error_action {
    sqs {
      queue_url  = aws_sqs_queue.dead_letters.url
      role_arn   = aws_iam_role.rule.arn
      use_base64 = false
    }
  }
}

resource "aws_lambda_event_source_mapping" "fan_out" {
  event_source_arn                   = aws_sqs_queue.events.arn
  function_name                      = var.fan_out_name
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batch_size > 10 ? var.batching_window_seconds : 0
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.tags

  scaling_config {
    maximum_concurrency = var.max_fan_out_concurrency
  }
}
