# What is rented, and who may do what. The provider is a mock with the real schema.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_iot_endpoint" {
    defaults = { endpoint_address = "abc-ats.iot.eu-central-1.amazonaws.com" }
  }
}

override_resource {
  target          = module.bridge.aws_iot_domain_configuration.devices
  override_during = plan
  values          = { domain_name = "abc-ats.iot.eu-central-1.amazonaws.com" }
}

variables {
  monthly_budget = 20
  alert_emails   = ["operations@example.com"]

  region = "eu-central-1"
  zip    = "main.tf" # any file: nobody looks into it at a plan
  issuer = "https://tokens.example.com"
  google = {
    project          = "my-project"
    credentials      = "{\"type\":\"external_account\"}"
    devices_provider = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/drawbridge/providers/devices"
  }
}

run "nothing_runs_while_nobody_calls" {
  command = plan

  assert {
    condition     = length(module.function) == 7
    error_message = "Five functions over HTTP, the fan-out behind its queue, and the authorizer."
  }
  assert {
    condition     = toset(keys(output.endpoints)) == toset(["device-registry", "command-relay", "token-exchange", "storage-download", "pubsub-fanout"])
    error_message = "What the queue or AWS IoT calls has no URL."
  }
  assert {
    condition     = output.mqtt == "mqtts://abc-ats.iot.eu-central-1.amazonaws.com:8883"
    error_message = "Devices connect to an endpoint of AWS IoT Core that asks our authorizer."
  }
  assert {
    condition     = length(aws_secretsmanager_secret.admin_token.name) > 0 && aws_secretsmanager_secret.admin_token.recovery_window_in_days == 30
    error_message = "What protects records from deletion protects the token too."
  }
}

run "an_issuer_of_plain_http_is_refused" {
  command = plan

  variables {
    issuer = "http://tokens.example.com"
  }

  expect_failures = [var.issuer]
}
