variable "project" {
  description = "Project that holds everything. It must exist and have a billing account."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project is the id of a project, such as `my-project-1`, not its name and not its number: `gcloud projects list` has it."
  }
}

variable "region" {
  description = "Region of functions, nodes and messages, for example `europe-west1`."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is one region, such as `europe-west1`: not a zone of it (`europe-west1-b`) and not a continent (`EU`)."
  }
}

variable "image" {
  description = "Container image with drawbridge-function and its digest: `REGION-docker.pkg.dev/PROJECT/drawbridge/drawbridge-function@sha256:…`."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest (`…@sha256:…`): a tag may be another image tomorrow."
  }
}

variable "event_notification_configs" {
  description = "Topics of telemetry events, as a google_cloudiot_registry had them; short names."
  type = list(object({
    pubsub_topic_name = string
    subfolder_matches = optional(string, "")
  }))

  validation {
    condition     = alltrue([for config in var.event_notification_configs : can(regex("^[A-Za-z][A-Za-z0-9._~%+-]{2,254}$", config.pubsub_topic_name))])
    error_message = "pubsub_topic_name is the short name of a topic that is made here, such as `readings`: without `projects/…/topics/`."
  }
}

variable "state_notification_config" {
  description = "Topic of states, as a google_cloudiot_registry had it."
  type = object({
    pubsub_topic_name = string
  })
  default = null
}

variable "with_bridge" {
  description = "Whether there is an MQTT bridge. Without one devices use HTTP, tokens and files, and nothing costs money while idle."
  type        = bool
  default     = false
}

variable "bridge_home" {
  description = "Where the bridge runs: `machines`, for MQTT on 8883 and any number of devices, or `cloud-run`, for MQTT over WebSocket of at most some 900 devices, on one instance and without machines, NATS and a domain."
  type        = string
  default     = "machines"

  validation {
    condition     = contains(["machines", "cloud-run"], var.bridge_home)
    error_message = "bridge_home is `machines` or `cloud-run`."
  }
}

variable "bridge_min_instances" {
  description = "With `cloud-run`: 1 keeps the instance while no device is connected, and is paid for."
  type        = number
  default     = 0

  validation {
    condition     = contains([0, 1], var.bridge_min_instances)
    error_message = "bridge_min_instances is 0 or 1: there is one instance."
  }
}

variable "mqtt_domain" {
  description = "Name that MQTT devices connect to; needed with the bridge on machines."
  type        = string
  default     = null

  validation {
    condition     = !var.with_bridge || var.bridge_home == "cloud-run" || var.mqtt_domain != null
    error_message = "The bridge needs mqtt_domain, such as `mqtt.example.com`: Google makes a certificate for it."
  }
}

variable "dns_zone" {
  description = "Managed zone of Cloud DNS that mqtt_domain is entered in; null to enter it yourself."
  type        = string
  default     = null
}

variable "zones" {
  description = "Three zones of the region, for the nodes of NATS; needed with the bridge."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for zone in var.zones : startswith(zone, "${var.region}-")])
    error_message = "zones are of the region, such as `${var.region}-b`: `gcloud compute zones list` has them."
  }
}

variable "bridge_machine_type" {
  description = "Machine of a bridge node."
  type        = string
  default     = "e2-small"
}

variable "bridge_nodes" {
  description = "Bridge nodes at least and at most."
  type = object({
    min = number
    max = number
  })
  default = { min = 2, max = 6 }
}

variable "nats_version" {
  description = "Tag of the image `nats`."
  type        = string
  default     = "2.10-alpine"
}

variable "records_location" {
  description = "Location of the database; null for the region. It cannot be changed later."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` leaves the database alone."
  type        = bool
  default     = true
}

variable "bucket" {
  description = "Name of the bucket of devices' files; null for `PROJECT-drawbridge`."
  type        = string
  default     = null
}

variable "issuer" {
  description = "Public URL of the token exchange where it has a domain of its own; null for Cloud Run's."
  type        = string
  default     = null
}

variable "direct_publishers" {
  description = "Registries whose devices may publish to a topic by themselves, with a token."
  type = list(object({
    registry = string
    topic    = string
  }))
  default = []
}

variable "impersonators" {
  description = "Registries whose devices may act as a service account."
  type = list(object({
    registry        = string
    service_account = string
  }))
  default = []
}

variable "aws_account" {
  description = "AWS account whose fan-out (examples/aws) may publish to the topics; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.aws_account == null || can(regex("^[0-9]{12}$", var.aws_account))
    error_message = "aws_account is the number of the account, twelve digits: `aws sts get-caller-identity --query Account` has it."
  }
}

variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = list(string)
  default     = []
}

variable "billing_account" {
  description = "Billing account to watch by a budget; null for none."
  type        = string
  default     = null
}

variable "monthly_budget" {
  description = "What a month may cost before somebody is told, in whole units of the account's currency."
  type        = number
  default     = 100
}

variable "labels" {
  description = "Labels of everything, beside `app = drawbridge`."
  type        = map(string)
  default     = {}
}
