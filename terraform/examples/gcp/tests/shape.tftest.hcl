# What is rented, and who may do what. The provider is a mock with the real schema: `cargo xtask terraform` says where it is from.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456" }
  }
  mock_resource "google_service_account" {
    defaults = {
      email  = "account@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:account@my-project.iam.gserviceaccount.com"
      name   = "projects/my-project/serviceAccounts/account@my-project.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://function.a.run.app" }
  }
  mock_resource "google_compute_address" {
    defaults = { address = "10.72.0.5" }
  }
}

variables {
  project = "my-project"
  region  = "europe-west1"
  image   = "europe-west1-docker.pkg.dev/my-project/drawbridge/drawbridge-function@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  event_notification_configs = [
    { pubsub_topic_name = "alarms", subfolder_matches = "alarms" },
    { pubsub_topic_name = "readings" },
  ]
  state_notification_config = { pubsub_topic_name = "states" }
}

run "functions_alone_cost_nothing_while_idle" {
  command = plan

  assert {
    condition     = length(module.bridge) == 0 && length(module.nats) == 0 && length(module.network) == 0
    error_message = "Nothing that runs all the time may be rented unless the bridge is asked for."
  }
  assert {
    condition     = alltrue([for function in module.function : function.service != ""]) && length(module.function) == 5
    error_message = "There are five functions."
  }
  assert {
    condition     = output.issuer == "https://drawbridge-token-exchange-123456.europe-west1.run.app"
    error_message = "The issuer is the token exchange's own URL: Google fetches its keys there."
  }
  assert {
    condition     = toset(keys(output.topics)) == toset(["alarms", "readings", "states"])
    error_message = "A topic for each that the registry names."
  }
}

run "the_bridge_brings_three_nodes_of_nats" {
  command = plan

  variables {
    with_bridge = true
    mqtt_domain = "mqtt.example.com"
    zones       = ["europe-west1-b", "europe-west1-c", "europe-west1-d"]
  }

  assert {
    condition     = output.mqtt == "mqtts://mqtt.example.com:8883"
    error_message = "Devices connect to the domain, on 8883."
  }
  assert {
    condition     = length(module.nats) == 1 && length(module.bridge) == 1
    error_message = "The bridge needs NATS to be more than one node."
  }
}

run "the_bridge_on_cloud_run_rents_no_machine_and_needs_no_name" {
  command = plan

  variables {
    with_bridge = true
    bridge_home = "cloud-run"
  }

  assert {
    condition     = length(module.bridge) == 0 && length(module.nats) == 0 && length(module.network) == 0
    error_message = "It is there to do without machines."
  }
  assert {
    condition     = length(module.bridge_cloud_run) == 1 && length(module.function) == 3
    error_message = "Who sends commands runs in the process that has the sessions, and nowhere else."
  }
  assert {
    condition     = toset(keys(output.profile.endpoints)) == toset(concat(keys(module.function), ["command-relay", "device-registry"]))
    error_message = "All five functions answer somewhere."
  }
}

run "another_home_of_the_bridge_is_refused" {
  command = plan

  variables {
    with_bridge = true
    bridge_home = "lambda"
  }

  expect_failures = [var.bridge_home]
}

run "a_bridge_without_a_name_is_refused" {
  command = plan

  variables {
    with_bridge = true
    zones       = ["europe-west1-b", "europe-west1-c", "europe-west1-d"]
  }

  expect_failures = [var.mqtt_domain]
}

run "an_image_by_tag_is_refused" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/my-project/drawbridge/drawbridge-function:latest"
  }

  expect_failures = [var.image]
}
