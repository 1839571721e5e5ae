variable "name" {
  description = "Name of the cluster before the suffix: lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "The name needs 3 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "unique_suffix" {
  description = "Put behind every name, because names are unique in a project. Empty: the name as it is."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]{0,8}$", var.unique_suffix))
    error_message = "The suffix has at most 8 lower-case letters and digits."
  }
}

variable "region" {
  description = "Google Cloud region, such as europe-west1."
  type        = string
}

variable "tags" {
  description = "Labels put on everything that bears labels; the rest carries them in its description."
  type        = map(string)
  default     = {}
}

variable "kubernetes_version" {
  description = "Version of Kubernetes to start from, such as 1.33. Null: the one GKE takes by default. It can go up, never down."
  type        = string
  default     = null

  validation {
    condition     = var.kubernetes_version == null || can(regex("^1[.][0-9]{2}$", var.kubernetes_version))
    error_message = "A version of Kubernetes looks like 1.33."
  }
}

variable "node_size" {
  description = "Size of each node: a key of sizes.tf.json. Give this or machine_type."
  type        = string
  default     = null

  validation {
    condition     = var.node_size == null || contains(["small", "medium", "large", "xlarge", "2xlarge"], coalesce(var.node_size, "-"))
    error_message = "The size is one of small, medium, large, xlarge, 2xlarge."
  }
}

variable "machine_type" {
  description = "Exact machine type of Google's for the nodes. Give this or node_size."
  type        = string
  default     = null
}

variable "min_nodes" {
  description = "Nodes that are always there."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.min_nodes >= 1 && var.min_nodes <= 100 && floor(var.min_nodes) == var.min_nodes
    error_message = "At least 1 and at most 100 nodes."
  }
}

variable "max_nodes" {
  description = "Nodes the autoscaler may grow it to."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.max_nodes >= 1 && var.max_nodes <= 100 && floor(var.max_nodes) == var.max_nodes
    error_message = "At least 1 and at most 100 nodes."
  }
}

variable "public_endpoint" {
  description = "Whether the control plane can be reached from outside of the network. It always asks for a sign-in."
  type        = bool
  default     = false
  nullable    = false
}

variable "allowed_cidrs" {
  description = "IPv4 networks that may reach a public endpoint. Empty: any."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for block in var.allowed_cidrs : can(cidrhost(block, 0)) && !strcontains(block, ":")])
    error_message = "Every entry is an IPv4 network such as 203.0.113.0/24."
  }
}

variable "node_disk_gb" {
  description = "Disk of each node in GB (2^30 bytes)."
  type        = number
  default     = 32
  nullable    = false

  validation {
    condition     = var.node_disk_gb >= 20 && var.node_disk_gb <= 2048 && floor(var.node_disk_gb) == var.node_disk_gb
    error_message = "The disk of a node has a whole number of GB from 20 to 2048."
  }
}

variable "regional" {
  description = "Three control planes in three zones, so that one zone may fail. The nodes stay in one zone."
  type        = bool
  default     = false
  nullable    = false
}

variable "control_plane_logs" {
  description = "Send the control plane's logs to Cloud Logging."
  type        = bool
  default     = true
  nullable    = false
}
