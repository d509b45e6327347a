output "endpoint" {
  description = "Where MQTT devices connect to."
  value       = "mqtts://${aws_iot_domain_configuration.devices.domain_name}:8883"
}

output "queue_arn" {
  description = "ARN of the queue of events."
  value       = aws_sqs_queue.events.arn
}

output "queue_name" {
  description = "Name of the queue of events, for alarms."
  value       = aws_sqs_queue.events.name
}

output "dead_letters_name" {
  description = "Name of the queue of dead letters, for alarms."
  value       = aws_sqs_queue.dead_letters.name
}
