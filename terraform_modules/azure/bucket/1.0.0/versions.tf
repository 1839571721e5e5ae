terraform {
  required_version = ">= 1.6"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "4.55.0"
    }
  }
}

provider "azurerm" {
  # By itself the provider would register dozens of services in the subscription; this is the one used here.
  resource_provider_registrations = "none"
  resource_providers_to_register  = ["Microsoft.Storage"]

  # The account has no keys to speak with, and the provider needs none: all it does goes through Resource Manager.
  storage_use_azuread = true

  features {
    resource_group {
      # What somebody else put into the group is not deleted with it: the destroy stops and says so.
      prevent_deletion_if_contains_resources = true
    }

    storage {
      data_plane_available = false
    }
  }
}
