variable "name" {
  description = "Name of the bucket before the suffix: lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "The name needs 3 to 40 lower-case letters, digits or hyphens, starting with a letter."
  }
}

variable "unique_suffix" {
  description = "Put behind the name, because bucket names are unique in the whole world. Empty: the name as it is."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]{0,16}$", var.unique_suffix))
    error_message = "The suffix has at most 16 lower-case letters and digits."
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
    condition     = var.expire_after_days >= 0 && floor(var.expire_after_days) == var.expire_after_days
    error_message = "The days are a whole number, 0 or more."
  }
}
