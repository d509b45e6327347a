output "endpoints" {
  description = "Where each function answers. `drawbridge` takes them by its profile (README.md)."
  value       = { for name, function in module.function : name => function.url if local.functions[name].events == "http" }
}

output "mqtt" {
  description = "Where MQTT devices connect to. Custom authorizers on 443 need the ALPN `mqtt`."
  value       = "mqtts://${data.aws_iot_endpoint.devices.endpoint_address}:8883"
}

output "fan_out_role" {
  description = "Name of the role that Google has to know (modules/gcp/aws-trust)."
  value       = split("/", module.function["fan-out"].role_arn)[1]
}

output "table" {
  description = "What DRAWBRIDGE_RECORDS is set to."
  value       = module.records.url
}
