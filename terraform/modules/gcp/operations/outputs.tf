output "channels" {
  description = "Notification channels, for alerts of your own."
  value       = local.channels
}
