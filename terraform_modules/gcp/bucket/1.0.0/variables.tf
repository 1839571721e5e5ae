variable "name" {
  description = "Name of the bucket before the suffix: lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name)) && !strcontains(var.name, "google") && !startswith(var.name, "goog")
    error_message = "The name needs 3 to 40 lower-case letters, digits or hyphens, starting with a letter, and no \"google\" in it."
  }
}

variable "unique_suffix" {
  description = "Put behind the name, because it is unique in the whole world. Empty: the name as it is."
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
  description = "Labels put on the bucket."
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
  description = "Days in which what was deleted can be brought back. 0: deleted is gone."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.soft_delete_days == 0 || (var.soft_delete_days >= 7 && var.soft_delete_days <= 90 && floor(var.soft_delete_days) == var.soft_delete_days)
    error_message = "The days are 0, or a whole number from 7 to 90."
  }
}
