mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = {
      id                    = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/logs0123abcd"
      primary_blob_endpoint = "https://logs0123abcd.blob.core.windows.net/"
    }
  }
}

variables {
  name          = "logs"
  unique_suffix = "0123abcd"
  region        = "westeurope"
  tags          = { "skyvend-resource" = "r-1" }
}

run "safe_by_default" {
  assert {
    condition     = azurerm_storage_account.this.name == "logs0123abcd"
    error_message = "The suffix makes the name unique."
  }

  assert {
    condition     = !azurerm_storage_account.this.allow_nested_items_to_be_public && azurerm_storage_container.this.container_access_type == "private"
    error_message = "Nothing is public."
  }

  assert {
    condition     = !azurerm_storage_account.this.shared_access_key_enabled && !azurerm_storage_account.this.local_user_enabled
    error_message = "There are no account keys and no local users."
  }

  assert {
    condition     = azurerm_storage_account.this.https_traffic_only_enabled && azurerm_storage_account.this.min_tls_version == "TLS1_2"
    error_message = "Only TLS 1.2 or newer."
  }

  assert {
    condition     = azurerm_storage_account.this.infrastructure_encryption_enabled
    error_message = "Encrypted twice."
  }

  assert {
    condition     = !azurerm_storage_account.this.cross_tenant_replication_enabled && azurerm_storage_account.this.allowed_copy_scope == "AAD"
    error_message = "Nothing is copied to another organization."
  }

  assert {
    condition     = "${azurerm_storage_account.this.account_kind} ${azurerm_storage_account.this.account_tier} ${azurerm_storage_account.this.account_replication_type} ${azurerm_storage_account.this.access_tier}" == "StorageV2 Standard LRS Hot"
    error_message = "The price is that of hot objects in one region."
  }

  assert {
    condition     = azurerm_storage_account.this.blob_properties[0].delete_retention_policy[0].days == 7 && azurerm_storage_account.this.blob_properties[0].container_delete_retention_policy[0].days == 7
    error_message = "What was deleted can be brought back for a week."
  }

  assert {
    condition     = !azurerm_storage_account.this.blob_properties[0].versioning_enabled && length(azurerm_storage_management_policy.this) == 0
    error_message = "Nothing is kept twice and nothing expires unless asked."
  }

  assert {
    condition     = length(azurerm_role_assignment.writer) == 0
    error_message = "Nobody gets a role unless asked."
  }

  assert {
    condition     = azurerm_resource_group.this.tags["skyvend-resource"] == "r-1" && azurerm_storage_account.this.tags["skyvend-resource"] == "r-1"
    error_message = "Everything that can carries the tags."
  }

  assert {
    condition     = output.name == "logs0123abcd" && output.url == "https://logs0123abcd.blob.core.windows.net/logs" && output.id == azurerm_storage_account.this.id
    error_message = "The outputs are the account's."
  }
}

run "versions_and_expiry" {
  command = plan

  variables {
    versioning        = true
    expire_after_days = 30
    soft_delete_days  = 14
  }

  assert {
    condition     = azurerm_storage_account.this.blob_properties[0].versioning_enabled
    error_message = "Versioning is on."
  }

  assert {
    condition     = azurerm_storage_management_policy.this[0].rule[0].actions[0].base_blob[0].delete_after_days_since_modification_greater_than == 30
    error_message = "Objects expire after 30 days."
  }

  assert {
    condition     = azurerm_storage_management_policy.this[0].rule[0].actions[0].version[0].delete_after_days_since_creation == 30 && azurerm_storage_management_policy.this[0].rule[0].actions[0].snapshot[0].delete_after_days_since_creation_greater_than == 30
    error_message = "Older versions do not stay for ever."
  }

  assert {
    condition     = azurerm_storage_account.this.blob_properties[0].delete_retention_policy[0].days == 14
    error_message = "Deleted objects stay as long as asked."
  }
}

run "only_from_networks_named_and_for_those_named" {
  command = plan

  variables {
    allowed_cidrs = ["203.0.113.0/24", "198.51.100.7/32"]
    writer_ids    = ["11111111-2222-3333-4444-555555555555"]
  }

  assert {
    condition     = azurerm_storage_account.this.network_rules[0].default_action == "Deny" && azurerm_storage_account.this.network_rules[0].ip_rules == toset(["198.51.100.7", "203.0.113.0/24"])
    error_message = "A single address has no length, and all others are denied."
  }

  assert {
    condition     = [for role in azurerm_role_assignment.writer : role.role_definition_name] == ["Storage Blob Data Contributor"]
    error_message = "Writers get the role for objects, not for the account."
  }
}

run "a_long_name_is_cut_to_24" {
  command = plan

  variables {
    name = "a-very-long-name-for-a-bucket-of-objects"
  }

  assert {
    condition     = azurerm_storage_account.this.name == "averylongnamefor0123abcd" && azurerm_storage_container.this.name == var.name
    error_message = "16 letters of the name and the suffix; the container has it all."
  }
}

run "too_short_without_a_suffix" {
  command = plan

  variables {
    name          = "a-b"
    unique_suffix = ""
  }

  expect_failures = [azurerm_storage_account.this]
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name              = "logs--all"
    unique_suffix     = "UPPER"
    expire_after_days = -1
    soft_delete_days  = 0
    allowed_cidrs     = ["203.0.113.0/31"]
    writer_ids        = ["somebody@example.com"]
  }

  expect_failures = [
    var.name, var.unique_suffix, var.expire_after_days, var.soft_delete_days, var.allowed_cidrs, var.writer_ids,
  ]
}
