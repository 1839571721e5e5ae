variable "name" {
  description = "Name of the cluster before the suffix: lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "The name needs 3 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "unique_suffix" {
  description = "Put behind the name, because cluster and role names are unique in an account. Empty: the name as it is."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]{0,8}$", var.unique_suffix))
    error_message = "The suffix has at most 8 lower-case letters and digits."
  }
}

variable "region" {
  description = "AWS region, such as eu-west-1."
  type        = string
}

variable "tags" {
  description = "Tags put on everything this module makes."
  type        = map(string)
  default     = {}
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, such as 1.33. Null: the newest that EKS takes by default. It can go up, never down."
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
  description = "Exact EC2 instance type of the nodes, instead of a size."
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
  description = "Nodes it may grow to when an autoscaler asks for them."
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
  description = "Disk of each node in GB."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.node_disk_gb >= 20 && var.node_disk_gb <= 16384 && floor(var.node_disk_gb) == var.node_disk_gb
    error_message = "The disk of a node has 20 to 16384 GB."
  }
}

variable "subnet_ids" {
  description = "At least two existing subnets in different zones, with a way out to the internet. Empty: a network is made."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) != 1
    error_message = "EKS needs subnets in at least two zones."
  }
}

variable "admin_principal_arn" {
  description = "ARN of an IAM user or role that becomes administrator of the cluster, beside whoever makes it."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.admin_principal_arn == "" || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(user|role)/", var.admin_principal_arn))
    error_message = "This is the ARN of a user or role, such as arn:aws:iam::123456789012:role/team."
  }
}

variable "secrets_key_arn" {
  description = "ARN of a KMS key that encrypts Kubernetes secrets. Empty: a key of AWS's own."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.secrets_key_arn == "" || can(regex("^arn:[a-z-]+:kms:", var.secrets_key_arn))
    error_message = "This is the ARN of a KMS key."
  }
}

variable "log_retention_days" {
  description = "Days the log of the control plane is kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "The days are one of 7, 14, 30, 60, 90, 180, 365."
  }
}
