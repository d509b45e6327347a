variable "project" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the nodes."
  type        = string
}

variable "zones" {
  description = "Three zones of the region, one for each node."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "Name three different zones: with fewer, the loss of one zone can stop commands."
  }
}

variable "network" {
  description = "Id of the network."
  type        = string
}

variable "subnetwork" {
  description = "Id of the subnetwork."
  type        = string
}

variable "cidr" {
  description = "Addresses of who may ask: bridge nodes and functions."
  type        = string
}

variable "image" {
  description = "Image of nats-server, reachable without the internet: from the mirror of Docker Hub."
  type        = string
}

variable "machine_type" {
  description = "Machine of a node."
  type        = string
  default     = "e2-micro"
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
}
