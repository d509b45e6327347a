# Drawbridge in one Google Cloud project: functions that cost nothing while idle, and, where with_bridge is set, the MQTT bridge.

terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0"
    }
  }
}

provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true
}

data "google_project" "this" {
  project_id = var.project
}

locals {
  # Nodes that NATS makes one of, or a single instance of Cloud Run that needs none.
  on_machines  = var.with_bridge && var.bridge_home == "machines"
  on_cloud_run = var.with_bridge && var.bridge_home == "cloud-run"

  number = data.google_project.this.number
  labels = merge({ app = "drawbridge" }, var.labels)

  topics = toset(concat(
    [for config in var.event_notification_configs : config.pubsub_topic_name],
    var.state_notification_config == null ? [] : [var.state_notification_config.pubsub_topic_name],
  ))

  # Cloud Run's URL is known before the service is there, so that the token exchange can name itself as issuer.
  issuer = coalesce(var.issuer, "https://drawbridge-token-exchange-${local.number}.${var.region}.run.app")

  # What each function is connected to: nothing more than its Deps (a test compares).
  functions = {
    device-registry  = { short_name = "registry", records = "write", publishes = false, objects = false, commands = true }
    command-relay    = { short_name = "commands", records = "write", publishes = false, objects = false, commands = true }
    token-exchange   = { short_name = "tokens", records = "write", publishes = false, objects = false, commands = false }
    storage-download = { short_name = "files", records = "write", publishes = false, objects = true, commands = false }
    pubsub-fanout    = { short_name = "fanout", records = "write", publishes = true, objects = false, commands = false }
  }
}

resource "google_project_service" "api" {
  for_each = toset(concat([
    "artifactregistry.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "sts.googleapis.com",
    ],
    var.billing_account == null ? [] : ["billingbudgets.googleapis.com"],
    var.dns_zone == null ? [] : ["dns.googleapis.com"],
  ))

  project            = var.project
  service            = each.key
  disable_on_destroy = false
}

module "records" {
  source     = "../../modules/gcp/records"
  depends_on = [google_project_service.api]

  project             = var.project
  location            = coalesce(var.records_location, var.region)
  deletion_protection = var.deletion_protection
}

module "topics" {
  source     = "../../modules/gcp/topics"
  depends_on = [google_project_service.api]

  project        = var.project
  project_number = local.number
  region         = var.region
  topics         = { for name in local.topics : name => {} }
  labels         = local.labels
}

module "files" {
  source     = "../../modules/gcp/bucket"
  depends_on = [google_project_service.api]

  project  = var.project
  name     = coalesce(var.bucket, "${var.project}-drawbridge")
  location = var.region
  labels   = local.labels
}

# Its first version is added by hand (README.md): no state holds it.
resource "google_secret_manager_secret" "admin_token" {
  depends_on = [google_project_service.api]

  project   = var.project
  secret_id = "drawbridge-admin-token"
  labels    = local.labels

  replication {
    auto {}
  }
}

module "network" {
  count      = local.on_machines ? 1 : 0
  source     = "../../modules/gcp/network"
  depends_on = [google_project_service.api]

  project = var.project
  region  = var.region
}

module "images" {
  source     = "../../modules/gcp/images"
  depends_on = [google_project_service.api]

  project = var.project
  region  = var.region
  labels  = local.labels
  readers = local.on_machines ? {
    bridge = { service_account = module.bridge[0].service_account, mirror = false }
    nats   = { service_account = module.nats[0].service_account, mirror = true }
  } : {}
}

module "nats" {
  count  = local.on_machines ? 1 : 0
  source = "../../modules/gcp/nats"

  project    = var.project
  region     = var.region
  zones      = var.zones
  network    = module.network[0].network
  subnetwork = module.network[0].subnetwork
  cidr       = module.network[0].cidr
  image      = "${var.region}-docker.pkg.dev/${var.project}/docker-hub/library/nats:${var.nats_version}"
  labels     = local.labels
}

module "bridge" {
  count  = local.on_machines ? 1 : 0
  source = "../../modules/gcp/bridge"

  project           = var.project
  region            = var.region
  network           = module.network[0].network
  subnetwork        = module.network[0].subnetwork
  domain            = var.mqtt_domain
  dns_zone          = var.dns_zone
  image             = var.image
  records_condition = module.records.condition
  publishes_to      = module.topics.names
  machine_type      = var.bridge_machine_type
  min_nodes         = var.bridge_nodes.min
  max_nodes         = var.bridge_nodes.max
  labels            = local.labels

  environment = {
    DRAWBRIDGE_RECORDS   = module.records.url
    DRAWBRIDGE_PUBLISHER = "pubsub://${var.project}"
    DRAWBRIDGE_COMMANDS  = module.nats[0].url
    DRAWBRIDGE_LOG       = "info"
  }
}

# MQTT over WebSocket, and in the same process whoever sends commands: it reaches live sessions without NATS.
module "bridge_cloud_run" {
  count      = local.on_cloud_run ? 1 : 0
  source     = "../../modules/gcp/bridge-cloud-run"
  depends_on = [google_project_service.api]

  project           = var.project
  region            = var.region
  image             = var.image
  functions         = [for name, function in local.functions : name if function.commands]
  records_condition = module.records.condition
  publishes_to      = module.topics.names
  min_instances     = var.bridge_min_instances
  labels            = local.labels

  environment = {
    DRAWBRIDGE_RECORDS   = module.records.url
    DRAWBRIDGE_PUBLISHER = "pubsub://${var.project}"
    DRAWBRIDGE_COMMANDS  = "local:"
    DRAWBRIDGE_LOG       = "info"
  }

  secrets = { DRAWBRIDGE_ADMIN_TOKEN = google_secret_manager_secret.admin_token.secret_id }
}

module "function" {
  for_each   = { for name, function in local.functions : name => function if !(local.on_cloud_run && function.commands) }
  source     = "../../modules/gcp/function"
  depends_on = [google_project_service.api]

  project           = var.project
  region            = var.region
  name              = each.key
  short_name        = each.value.short_name
  image             = var.image
  records           = each.value.records
  records_condition = module.records.condition
  publishes_to      = each.value.publishes ? module.topics.names : []
  objects_in        = each.value.objects ? [module.files.name] : []
  labels            = local.labels

  network = var.with_bridge && each.value.commands ? {
    network    = module.network[0].network
    subnetwork = module.network[0].subnetwork
    tags       = ["drawbridge-function"]
  } : null

  environment = merge(
    {
      DRAWBRIDGE_RECORDS = module.records.url
      DRAWBRIDGE_LOG     = "info"
    },
    each.value.publishes ? { DRAWBRIDGE_PUBLISHER = "pubsub://${var.project}" } : {},
    each.value.objects ? { DRAWBRIDGE_OBJECTS = "gs://" } : {},
    # Without a bridge nobody can be reached: commands with a ttl wait, others are refused.
    each.value.commands ? { DRAWBRIDGE_COMMANDS = var.with_bridge ? module.nats[0].url : "none:" } : {},
    each.key == "token-exchange" ? {
      DRAWBRIDGE_ISSUER       = local.issuer
      DRAWBRIDGE_TOKENS       = local.provider
      DRAWBRIDGE_SIGNING_KEYS = local.signing_keys
    } : {},
  )

  secrets = contains(["device-registry", "command-relay"], each.key) ? {
    DRAWBRIDGE_ADMIN_TOKEN = google_secret_manager_secret.admin_token.secret_id
  } : {}
}

# Named and not referred to: the function needs their names, and they need its service account.
locals {
  pool_id      = "drawbridge"
  provider     = "//iam.googleapis.com/projects/${local.number}/locations/global/workloadIdentityPools/${local.pool_id}/providers/devices"
  signing_keys = "kms://projects/${var.project}/locations/${var.region}/keyRings/drawbridge/cryptoKeys/issuer"
}

module "signing_key" {
  source     = "../../modules/gcp/signing-key"
  depends_on = [google_project_service.api]

  project = var.project
  region  = var.region
  signer  = module.function["token-exchange"].service_account
  labels  = local.labels
}

module "identity" {
  source     = "../../modules/gcp/identity"
  depends_on = [google_project_service.api]

  project        = var.project
  project_number = local.number
  pool_id        = local.pool_id
  issuer         = local.issuer
  publishers     = var.direct_publishers
  impersonators  = var.impersonators
}

module "aws_trust" {
  count      = var.aws_account == null ? 0 : 1
  source     = "../../modules/gcp/aws-trust"
  depends_on = [google_project_service.api]

  project        = var.project
  project_number = local.number
  aws_account    = var.aws_account
  publishes_to   = module.topics.names
  objects_in     = [module.files.name]
}

module "operations" {
  source     = "../../modules/gcp/operations"
  depends_on = [google_project_service.api]

  project         = var.project
  project_number  = local.number
  emails          = var.alert_emails
  subscriptions   = tolist(local.topics)
  billing_account = var.billing_account
  monthly_budget  = var.monthly_budget
  labels          = local.labels
}
