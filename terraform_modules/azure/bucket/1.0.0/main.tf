locals {
  # An account's name has 3 to 24 letters and digits and is unique in the whole world.
  account_name = "${substr(replace(var.name, "-", ""), 0, 16)}${var.unique_suffix}"
  # A rule of Azure's takes single addresses without a length only.
  allowed = sort(distinct([for block in var.allowed_cidrs : trimsuffix(block, "/32")]))
}

resource "azurerm_resource_group" "this" {
  name     = var.unique_suffix == "" ? "rg-${var.name}" : "rg-${var.name}-${var.unique_suffix}"
  location = var.region
  tags     = var.tags
}

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV_AZURE_206:one region, as the price says; copies elsewhere are another product
  #checkov:skip=CKV_AZURE_59:a bucket is for programs anywhere; nobody gets in without Entra ID
  #checkov:skip=CKV_AZURE_35:networks can be named; nobody gets in without Entra ID either way
  #checkov:skip=CKV_AZURE_33:there is no queue in this account
  #checkov:skip=CKV2_AZURE_1:encrypted twice with Azure's own keys
  #checkov:skip=CKV2_AZURE_21:who needs a log of every read sends it to a workspace of their own
  #checkov:skip=CKV2_AZURE_33:a private endpoint would need a network that is not here
  #checkov:skip=CKV2_AZURE_41:without account keys there are no signatures that outlive seven days
  name                = local.account_name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location

  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = "LRS"
  access_tier              = "Hot"

  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  infrastructure_encryption_enabled = true

  # Nobody is anonymous, and nobody comes with a key that is the same for all.
  allow_nested_items_to_be_public  = false
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  cross_tenant_replication_enabled = false
  allowed_copy_scope               = "AAD"

  blob_properties {
    versioning_enabled = var.versioning

    delete_retention_policy {
      days = var.soft_delete_days
    }

    container_delete_retention_policy {
      days = var.soft_delete_days
    }
  }

  # Present in both cases, so that an empty list opens again what was closed.
  network_rules {
    default_action = length(local.allowed) == 0 ? "Allow" : "Deny"
    bypass         = ["AzureServices"]
    ip_rules       = local.allowed
  }

  tags = var.tags

  lifecycle {
    precondition {
      condition     = length(local.account_name) >= 3
      error_message = "Without its hyphens the name needs 3 letters or digits, or a suffix."
    }
  }
}

# Made through Resource Manager, which needs neither a key nor a way to the account's own address.
resource "azurerm_storage_container" "this" {
  #checkov:skip=CKV2_AZURE_21:see the account
  name                  = var.name
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "this" {
  count = var.expire_after_days > 0 ? 1 : 0

  storage_account_id = azurerm_storage_account.this.id

  rule {
    name    = "expire"
    enabled = true

    filters {
      blob_types = ["appendBlob", "blockBlob"]
    }

    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = var.expire_after_days
      }

      snapshot {
        delete_after_days_since_creation_greater_than = var.expire_after_days
      }

      version {
        delete_after_days_since_creation = var.expire_after_days
      }
    }
  }
}

resource "azurerm_role_assignment" "writer" {
  for_each = toset(var.writer_ids)

  scope                = azurerm_storage_account.this.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = each.value
}
