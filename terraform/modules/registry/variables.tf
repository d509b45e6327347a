variable "project" {
  description = "Project that the registry's name begins with, and that short names of topics are in."
  type        = string
}

variable "region" {
  description = "Region in the registry's name, such as `europe-west1`."
  type        = string
}

variable "name" {
  description = "Id of the registry."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z][-a-zA-Z0-9._+~%]{2,254}$", var.name)) && !startswith(var.name, "goog")
    error_message = "A registry's id has 3 to 255 characters: a letter, then letters, digits and -._+~%; it does not begin with `goog`."
  }
}

variable "event_notification_configs" {
  description = "Where events go: topics by short name or id. The first whose subfolder matches counts; the last may match all."
  type = list(object({
    pubsub_topic_name = string
    subfolder_matches = optional(string, "")
  }))
  default = []

  validation {
    condition     = length(var.event_notification_configs) <= 10
    error_message = "A registry has at most 10 event_notification_configs."
  }
}

variable "state_notification_config" {
  description = "Where states go; null for nowhere."
  type = object({
    pubsub_topic_name = string
  })
  default = null
}

variable "mqtt_config" {
  description = "Whether devices may use MQTT."
  type = object({
    mqtt_enabled_state = string
  })
  default = { mqtt_enabled_state = "MQTT_ENABLED" }

  validation {
    condition     = contains(["MQTT_ENABLED", "MQTT_DISABLED"], var.mqtt_config.mqtt_enabled_state)
    error_message = "mqtt_enabled_state is MQTT_ENABLED or MQTT_DISABLED."
  }
}

variable "http_config" {
  description = "Whether devices may use the HTTP bridge."
  type = object({
    http_enabled_state = string
  })
  default = { http_enabled_state = "HTTP_ENABLED" }

  validation {
    condition     = contains(["HTTP_ENABLED", "HTTP_DISABLED"], var.http_config.http_enabled_state)
    error_message = "http_enabled_state is HTTP_ENABLED or HTTP_DISABLED."
  }
}

variable "log_level" {
  description = "How much of the life of its devices is logged."
  type        = string
  default     = "NONE"

  validation {
    condition     = contains(["NONE", "ERROR", "INFO", "DEBUG"], var.log_level)
    error_message = "log_level is one of NONE, ERROR, INFO, DEBUG."
  }
}

variable "credentials" {
  description = "CA certificates that new device certificates must be signed by."
  type = list(object({
    public_key_certificate = object({
      format      = optional(string, "X509_CERTIFICATE_PEM")
      certificate = string
    })
  }))
  default = []
}

variable "devices" {
  description = "Devices, each as a google_cloudiot_device was; only public keys."
  type = list(object({
    name = string
    credentials = optional(list(object({
      expiration_time = optional(string)
      public_key = object({
        format = string
        key    = string
      })
    })), [])
    blocked   = optional(bool, false)
    log_level = optional(string, "LOG_LEVEL_UNSPECIFIED")
    metadata  = optional(map(string), {})
    gateway_config = optional(object({
      gateway_type        = optional(string, "NON_GATEWAY")
      gateway_auth_method = optional(string, "GATEWAY_AUTH_METHOD_UNSPECIFIED")
    }), {})
  }))
  default = []

  validation {
    condition     = length(distinct(var.devices[*].name)) == length(var.devices)
    error_message = "Two devices have the same name."
  }

  validation {
    condition     = alltrue([for device in var.devices : length(device.credentials) <= 3])
    error_message = "A device has at most 3 credentials."
  }

  validation {
    condition     = !anytrue(flatten([for device in var.devices : [for c in device.credentials : strcontains(c.public_key.key, "PRIVATE KEY")]]))
    error_message = "A private key must not leave its device: give its public half."
  }
}

variable "iam_policy" {
  description = "The whole IAM policy of the registry, as google_cloudiot_registry_iam_policy had it: who else had a role loses it. Null to leave it."
  type = object({
    bindings = list(object({
      role    = string
      members = list(string)
    }))
  })
  default = null

  validation {
    condition     = var.iam_policy == null || length(var.iam_bindings) + length(var.iam_members) == 0
    error_message = "iam_policy is the whole policy: it does not go with iam_bindings and iam_members."
  }
}

variable "iam_bindings" {
  description = "All members of a role, each as a google_cloudiot_registry_iam_binding was: who else had that role loses it."
  type = list(object({
    role    = string
    members = list(string)
  }))
  default = []

  validation {
    condition     = length(distinct(var.iam_bindings[*].role)) == length(var.iam_bindings)
    error_message = "Two iam_bindings have the same role."
  }
}

variable "iam_members" {
  description = "Somebody more in a role, each as a google_cloudiot_registry_iam_member was."
  type = list(object({
    role   = string
    member = string
  }))
  default = []
}
