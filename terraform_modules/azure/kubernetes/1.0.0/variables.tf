variable "name" {
  description = "Name of the cluster before the suffix: lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "The name needs 3 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "unique_suffix" {
  description = "Put behind the names of the cluster and its resource group. Empty: the name as it is."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]{0,8}$", var.unique_suffix))
    error_message = "The suffix has at most 8 lower-case letters and digits."
  }
}

variable "region" {
  description = "Azure region, such as westeurope."
  type        = string
}

variable "tags" {
  description = "Tags put on everything this module makes."
  type        = map(string)
  default     = {}
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, such as 1.33. Null: the one AKS takes by default. It can go up, never down."
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
  description = "Exact size of Azure's for the nodes, with at least 2 vCPU and 4 GiB. Give this or node_size."
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
    condition     = var.node_disk_gb >= 30 && var.node_disk_gb <= 2048 && floor(var.node_disk_gb) == var.node_disk_gb
    error_message = "The disk of a node has a whole number of GB from 30 to 2048."
  }
}

variable "tier" {
  description = "free: the control plane costs nothing and has no service level. standard: it has one and is paid for."
  type        = string
  default     = "free"
  nullable    = false

  validation {
    condition     = contains(["free", "standard"], var.tier)
    error_message = "The tier is free or standard."
  }
}

variable "admin_group_ids" {
  description = "Object ids of Entra ID groups whose members administer the cluster. Given, its own accounts are off."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.admin_group_ids : can(regex("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", id))])
    error_message = "An object id is a UUID in lower case, such as 11111111-2222-3333-4444-555555555555."
  }
}

variable "subnet_id" {
  description = "Resource id of an existing subnet for the nodes. Empty: a network is made."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.subnet_id == "" || can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft[.]Network/virtualNetworks/[^/]+/subnets/[^/]+$", var.subnet_id))
    error_message = "This is the resource id of a subnet: /subscriptions/…/virtualNetworks/…/subnets/…"
  }
}

variable "control_plane_logs" {
  description = "Keep the control plane's logs for 30 days in a Log Analytics workspace, at most 1 GB a day."
  type        = bool
  default     = true
  nullable    = false
}
