variable "name" {
  description = "Name of the container, and of the account before the suffix: lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "The name needs 3 to 40 lower-case letters, digits or single hyphens, starting with a letter."
  }
}

variable "unique_suffix" {
  description = "Put behind the account's name, because it is unique in the whole world. Empty: the name as it is."
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

variable "versioning" {
  description = "Keep older versions of every object. Switched off later, the versions already there stay."
  type        = bool
  default     = false
  nullable    = false
}

variable "expire_after_days" {
  description = "Delete objects (and older versions) this many days after they were written. 0: never."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.expire_after_days >= 0 && var.expire_after_days <= 36500 && floor(var.expire_after_days) == var.expire_after_days
    error_message = "The days are a whole number from 0 to 36500."
  }
}

variable "soft_delete_days" {
  description = "Days in which what was deleted can be brought back."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.soft_delete_days >= 1 && var.soft_delete_days <= 365 && floor(var.soft_delete_days) == var.soft_delete_days
    error_message = "The days are a whole number from 1 to 365."
  }
}

variable "allowed_cidrs" {
  description = "Public IPv4 networks from which the objects can be reached. Empty: any; who asks must sign in either way."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for block in var.allowed_cidrs : can(cidrhost(block, 0)) && !strcontains(block, ":") && !endswith(block, "/31")])
    error_message = "Every entry is an IPv4 network such as 203.0.113.0/24; Azure takes no /31."
  }
}

variable "writer_ids" {
  description = "Object ids (Entra ID) of users, groups or service principals that may read and write objects."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.writer_ids : can(regex("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", id))])
    error_message = "An object id is a UUID in lower case, such as 11111111-2222-3333-4444-555555555555."
  }
}
