# The bridge on Cloud Run: MQTT over WebSocket, at wss://…/mqtt (ADR 0016). One service runs it and whoever sends commands, so
# that a live session is reached in the same process and nothing else is rented. An instance holds 1,000 connections.

module "service" {
  source = "../function"

  project           = var.project
  region            = var.region
  name              = "bridge"
  short_name        = "bridge-run"
  beside            = var.functions
  image             = var.image
  secrets           = var.secrets
  records           = "write"
  records_condition = var.records_condition
  publishes_to      = var.publishes_to
  network           = var.network
  memory            = var.memory
  concurrency       = var.concurrency
  min_instances     = var.min_instances
  max_instances     = var.max_instances
  session_affinity  = true
  # A connection is a request; longer than this Cloud Run keeps none.
  timeout_seconds = var.timeout_seconds
  labels          = var.labels

  environment = merge(var.environment, {
    # Sessions end in order before Cloud Run cuts them: what is under way has a minute.
    DRAWBRIDGE_MAX_SESSION_SECS = tostring(var.timeout_seconds - 60)
    # Twice this is less than the 10 s between SIGTERM and SIGKILL.
    DRAWBRIDGE_DRAIN_SECS = "4"
  })
}
