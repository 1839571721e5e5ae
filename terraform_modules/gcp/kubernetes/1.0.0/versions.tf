terraform {
  required_version = ">= 1.6"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "6.50.0"
    }
  }
}

provider "google" {
  region                          = var.region
  default_labels                  = var.tags
  add_terraform_attribution_label = false
}
