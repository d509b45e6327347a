# Drawbridge in one AWS account: functions on Lambda and AWS IoT Core as the bridge. Nothing runs, and nothing costs, while
# nobody calls. Telemetry goes to Pub/Sub at Google, which knows the fan-out by its role: there is no key of Google's here.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = var.account == null ? null : [var.account]
}

data "aws_caller_identity" "this" {}

locals {
  tags = merge({ app = "drawbridge" }, var.tags)

  # What each function is connected to: nothing more than its Deps (a test compares).
  functions = {
    registry   = { function = "device-registry", events = "http", records = "write", publishes = false, objects = false, commands = true, admin = true }
    commands   = { function = "command-relay", events = "http", records = "write", publishes = false, objects = false, commands = true, admin = true }
    tokens     = { function = "token-exchange", events = "http", records = "write", publishes = false, objects = false, commands = false, admin = false }
    files      = { function = "storage-download", events = "http", records = "write", publishes = false, objects = true, commands = false, admin = false }
    http       = { function = "pubsub-fanout", events = "http", records = "write", publishes = true, objects = false, commands = false, admin = false }
    fan-out    = { function = "pubsub-fanout", events = "queue", records = "write", publishes = true, objects = false, commands = true, admin = false }
    authorizer = { function = "bridge", events = "authorizer", records = "write", publishes = false, objects = false, commands = false, admin = false }
  }

  fan_out_timeout_seconds = 30

  # AWS IoT waits no longer.
  authorizer_timeout_seconds = 5

  # Client ids of devices: commands and configurations go to a connection, not to a topic.
  device_clients = [
    "arn:aws:iot:${var.region}:${data.aws_caller_identity.this.account_id}:client/projects/*",
  ]
}

module "records" {
  source = "../../modules/aws/records"

  deletion_protection = var.deletion_protection
  tags                = local.tags
}

module "signing_key" {
  source = "../../modules/aws/signing-key"

  tags = local.tags
}

# Its value is set by hand (README.md): no state holds it.
resource "aws_secretsmanager_secret" "admin_token" {
  name                    = "drawbridge-admin-token"
  recovery_window_in_days = var.deletion_protection ? 30 : 0
  tags                    = local.tags
}

module "function" {
  for_each = local.functions
  source   = "../../modules/aws/function"

  name            = each.key
  function        = each.value.function
  events          = each.value.events
  zip             = var.zip
  architecture    = var.architecture
  records         = each.value.records
  table_arn       = module.records.arn
  timeout_seconds = each.value.events == "authorizer" ? local.authorizer_timeout_seconds : local.fan_out_timeout_seconds
  tags            = local.tags

  signing_key_arn    = each.key == "tokens" ? module.signing_key.arn : null
  device_clients_arn = each.value.commands ? local.device_clients : null
  queue_arn          = each.value.events == "queue" ? module.bridge.queue_arn : null

  environment = merge(
    {
      DRAWBRIDGE_RECORDS = module.records.url
      DRAWBRIDGE_LOG     = "info"
    },
    each.value.publishes ? {
      DRAWBRIDGE_PUBLISHER          = "pubsub://${var.google.project}"
      DRAWBRIDGE_GOOGLE_CREDENTIALS = var.google.credentials
    } : {},
    each.value.objects ? {
      DRAWBRIDGE_OBJECTS            = "gs://"
      DRAWBRIDGE_GOOGLE_CREDENTIALS = var.google.credentials
    } : {},
    each.value.commands ? { DRAWBRIDGE_COMMANDS = "awsiot://${data.aws_iot_endpoint.devices.endpoint_address}" } : {},
    each.key == "tokens" ? {
      DRAWBRIDGE_ISSUER       = var.issuer
      DRAWBRIDGE_TOKENS       = var.google.devices_provider
      DRAWBRIDGE_SIGNING_KEYS = module.signing_key.url
    } : {},
  )

  secrets = each.value.admin ? { DRAWBRIDGE_ADMIN_TOKEN = aws_secretsmanager_secret.admin_token.arn } : {}
}

module "bridge" {
  source = "../../modules/aws/iot-bridge"

  authorizer_arn          = "arn:aws:lambda:${var.region}:${data.aws_caller_identity.this.account_id}:function:drawbridge-authorizer"
  domain                  = var.mqtt_domain
  authorizer_name         = module.function["authorizer"].name
  fan_out_name            = module.function["fan-out"].name
  fan_out_timeout_seconds = local.fan_out_timeout_seconds
  tags                    = local.tags
}

module "operations" {
  source = "../../modules/aws/operations"

  emails         = var.alert_emails
  functions      = [for function in module.function : function.name]
  queue          = module.bridge.queue_name
  dead_letters   = module.bridge.dead_letters_name
  monthly_budget = var.monthly_budget
  tags           = local.tags
}

data "aws_iot_endpoint" "devices" {
  endpoint_type = "iot:Data-ATS"
}
