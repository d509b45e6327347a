# A registry and its devices as data, under the names of google_cloudiot_registry, google_cloudiot_device and
# google_cloudiot_registry_iam_policy, _binding and _member. Nothing is made here:
# `drawbridge apply` makes it, by the registry's own API (README.md).

locals {
  topic = { for name in distinct(concat(var.event_notification_configs[*].pubsub_topic_name, compact([try(var.state_notification_config.pubsub_topic_name, "")]))) :
    name => strcontains(name, "/") ? name : "projects/${var.project}/topics/${name}"
  }

  # What is not said stays as it is.
  iam = merge(
    var.iam_policy == null ? {} : { iamPolicy = var.iam_policy },
    length(var.iam_bindings) == 0 ? {} : { iamBindings = var.iam_bindings },
    length(var.iam_members) == 0 ? {} : { iamMembers = var.iam_members },
  )

  registry = merge({
    name = "projects/${var.project}/locations/${var.region}/registries/${var.name}"
    eventNotificationConfigs = [for config in var.event_notification_configs : {
      pubsubTopicName  = local.topic[config.pubsub_topic_name]
      subfolderMatches = config.subfolder_matches
    }]
    stateNotificationConfig = {
      pubsubTopicName = try(local.topic[var.state_notification_config.pubsub_topic_name], "")
    }
    mqttConfig = { mqttEnabledState = var.mqtt_config.mqtt_enabled_state }
    httpConfig = { httpEnabledState = var.http_config.http_enabled_state }
    logLevel   = var.log_level
    credentials = [for credential in var.credentials : {
      publicKeyCertificate = credential.public_key_certificate
    }]
    devices = [for device in var.devices : {
      id = device.name
      credentials = [for credential in device.credentials : merge(
        { publicKey = credential.public_key },
        credential.expiration_time == null ? {} : { expirationTime = credential.expiration_time },
      )]
      blocked  = device.blocked
      logLevel = device.log_level
      metadata = device.metadata
      gatewayConfig = {
        gatewayType       = device.gateway_config.gateway_type
        gatewayAuthMethod = device.gateway_config.gateway_auth_method
      }
    }]
  }, local.iam)
}
