variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the nodes."
  type        = string
}

variable "network" {
  description = "Id of the network."
  type        = string
}

variable "subnetwork" {
  description = "Id of the subnetwork."
  type        = string
}

variable "domain" {
  description = "Name that devices connect to, such as `mqtt.example.com`."
  type        = string
}

variable "dns_zone" {
  description = "Managed zone of Cloud DNS to enter that name in; null to enter it yourself."
  type        = string
  default     = null
}

variable "ports" {
  description = "Ports of MQTT over TLS. Each is a forwarding rule; the first five together cost what one does."
  type        = list(string)
  default     = ["8883", "443"]
}

variable "image" {
  description = "Container image with drawbridge-function, with its digest."
  type        = string
}

variable "environment" {
  description = "Variables of the bridge, without secrets."
  type        = map(string)
}

variable "records_condition" {
  description = "IAM condition that keeps its role to the database of the records."
  type        = object({ title = string, expression = string })
}

variable "publishes_to" {
  description = "Short names of the topics it publishes to."
  type        = list(string)
}

variable "machine_type" {
  description = "Machine of a node. An e2-small holds some 50,000 devices (docs/cost.md)."
  type        = string
  default     = "e2-small"
}

variable "connections_per_node" {
  description = "Connections a node is sent at most."
  type        = number
  default     = 50000
}

variable "min_nodes" {
  description = "Nodes at least; with one, its end is an outage of seconds."
  type        = number
  default     = 2
}

variable "max_nodes" {
  description = "Nodes at most: the cap on the cost."
  type        = number
  default     = 6
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
