variable "name" {
  description = "Name of the machine: lower-case letters, digits and hyphens."
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

variable "zone" {
  description = "Zone of the region, such as europe-west1-c. Empty: the one that ends in b."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.zone == "" || can(regex("^[a-z]+-[a-z]+[0-9]+-[a-z]$", var.zone))
    error_message = "A zone looks like europe-west1-c."
  }
}

variable "tags" {
  description = "Labels put on everything that bears labels; the rest carries them in its description."
  type        = map(string)
  default     = {}
}

variable "size" {
  description = "Size by vCPU and memory, one of the keys in sizes.tf.json. Give this or machine_type."
  type        = string
  default     = null
}

variable "machine_type" {
  description = "Exact machine type of Google's, such as n2-standard-2. Give this or size."
  type        = string
  default     = null
}

variable "image" {
  description = "Operating system, one of the keys in images.tf.json. Its newest release is taken at creation and kept."
  type        = string
  default     = "ubuntu-24.04"
}

variable "disk_gb" {
  description = "Size of the encrypted disk in GB (2^30 bytes). It can grow, never shrink."
  type        = number
  default     = 20

  validation {
    condition     = var.disk_gb >= 10 && var.disk_gb <= 16384 && floor(var.disk_gb) == var.disk_gb
    error_message = "The disk needs a whole number of GB from 10 to 16384."
  }
}

variable "ssh_public_key" {
  description = "OpenSSH public key that may sign in. Empty: nobody can."
  type        = string
  default     = ""
  nullable    = false
}

variable "allow_ssh_from" {
  description = "Networks (CIDR) that may reach port 22. Empty: no port is open."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for block in var.allow_ssh_from : can(cidrhost(block, 0))])
    error_message = "Every network needs the form 203.0.113.0/24 or 2001:db8::/32."
  }
}
