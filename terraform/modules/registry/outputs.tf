output "registry" {
  description = "The registry and its devices, as `drawbridge apply` reads them: an element of `registries`."
  value       = local.registry
}

output "json" {
  description = "A whole file for `drawbridge apply`, with this registry alone."
  value       = jsonencode({ registries = [local.registry] })
}
