# A google_cloudiot_registry with two google_cloudiot_devices, a google_cloudiot_registry_iam_binding and a _member, ported by hand: blocks became
# lists, everything else stayed.

variables {
  project = "my-project"
  region  = "europe-west1"
  name    = "greenhouse"

  event_notification_configs = [
    { pubsub_topic_name = "projects/my-project/topics/alarms", subfolder_matches = "alarms" },
    { pubsub_topic_name = "readings" },
  ]
  state_notification_config = { pubsub_topic_name = "states" }
  mqtt_config               = { mqtt_enabled_state = "MQTT_ENABLED" }
  http_config               = { http_enabled_state = "HTTP_DISABLED" }
  log_level                 = "INFO"

  devices = [
    {
      name = "pi-1"
      credentials = [{
        expiration_time = "2036-01-01T00:00:00Z"
        public_key = {
          format = "ES256_PEM"
          key    = <<-EOT
            -----BEGIN PUBLIC KEY-----
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQ/PvvaW+XY6pmityonCXkxVZKotK
            tujrJR+1YStoUsV8Fmaeqd6fV5i3KDlT0IfMEugkhb50PDb4mdrfuNSC6w==
            -----END PUBLIC KEY-----
          EOT
        }
      }]
      metadata  = { room = "7" }
      log_level = "DEBUG"
    },
    { name = "gateway-1", blocked = true, gateway_config = { gateway_type = "GATEWAY", gateway_auth_method = "ASSOCIATION_ONLY" } },
  ]

  iam_bindings = [{ role = "roles/cloudiot.viewer", members = ["serviceAccount:ann@my-project.iam.gserviceaccount.com"] }]
  iam_members  = [{ role = "roles/cloudiot.deviceController", member = "serviceAccount:bob@my-project.iam.gserviceaccount.com" }]
}

run "a_ported_registry_is_what_apply_reads" {
  command = plan

  assert {
    condition     = output.json == jsonencode(jsondecode(file("tests/greenhouse.json")))
    error_message = "`drawbridge apply` is tested with tests/greenhouse.json, which is not ${output.json}"
  }
}

run "a_private_key_is_refused" {
  command = plan

  variables {
    devices = [{ name = "pi-1", credentials = [{ public_key = { format = "ES256_PEM", key = "-----BEGIN EC PRIVATE KEY-----" } }] }]
  }

  expect_failures = [var.devices]
}

run "two_devices_of_one_name_are_refused" {
  command = plan

  variables {
    devices = [{ name = "pi-1" }, { name = "pi-1" }]
  }

  expect_failures = [var.devices]
}

run "a_whole_policy_takes_the_place_of_bindings" {
  command = plan

  variables {
    iam_policy   = { bindings = [{ role = "roles/cloudiot.admin", members = ["serviceAccount:ann@my-project.iam.gserviceaccount.com"] }] }
    iam_bindings = []
    iam_members  = []
  }

  assert {
    condition     = output.registry.iamPolicy.bindings[0].role == "roles/cloudiot.admin" && !can(output.registry.iamBindings)
    error_message = "The registry is ${output.json}"
  }
}

run "a_whole_policy_beside_bindings_is_refused" {
  command = plan

  variables {
    iam_policy = { bindings = [] }
  }

  expect_failures = [var.iam_policy]
}
