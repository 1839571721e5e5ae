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
  # By itself the provider would register dozens of services in the subscription; these are the ones used here.
  resource_provider_registrations = "none"
  resource_providers_to_register = [
    "Microsoft.Compute",
    "Microsoft.ContainerService",
    "Microsoft.Insights",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
  ]

  features {
    resource_group {
      # What somebody else put into the group is not deleted with it: the destroy stops and says so.
      prevent_deletion_if_contains_resources = true
    }

    log_analytics_workspace {
      # Otherwise it would keep its name, and its logs, for two more weeks.
      permanently_delete_on_destroy = true
    }
  }
}
