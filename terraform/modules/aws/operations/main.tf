# Who is told, for what; and when the money is more than was meant.

resource "aws_sns_topic" "alarms" {
  name = "drawbridge-alarms"
  tags = var.tags
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  function_alarms = { for name in var.functions : "${name} fails" => {
    description = "A call ended without an answer. Its log has the cause, one line for each failure."
    namespace   = "AWS/Lambda"
    metric      = "Errors"
    dimensions  = { FunctionName = name }
    statistic   = "Sum"
    period      = 300
    periods     = 1
    threshold   = 0
  } }

  queue_alarms = {
    "events wait" = {
      description = "The oldest event has waited for ten minutes: is Pub/Sub reachable, and is the fan-out's concurrency enough?"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = var.queue }
      statistic   = "Maximum"
      period      = 60
      periods     = 5
      threshold   = 600
    }
    "events became dead letters" = {
      description = "Ten attempts on an event failed. It rests in the queue of dead letters for 14 days; redrive it when the cause is gone."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = var.dead_letters }
      statistic   = "Maximum"
      period      = 60
      periods     = 1
      threshold   = 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = merge(local.function_alarms, local.queue_alarms)

  alarm_name          = "drawbridge: ${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  tags                = var.tags
}

# It warns, it stops nothing.
resource "aws_budgets_budget" "monthly" {
  count = var.monthly_budget == null ? 0 : 1

  name         = "drawbridge"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = var.tags

  dynamic "notification" {
    for_each = length(var.emails) == 0 ? [] : [["ACTUAL", 50], ["ACTUAL", 90], ["ACTUAL", 100], ["FORECASTED", 100]]
    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value[1]
      threshold_type             = "PERCENTAGE"
      notification_type          = notification.value[0]
      subscriber_email_addresses = var.emails
    }
  }
}
