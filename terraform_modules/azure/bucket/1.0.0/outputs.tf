output "name" {
  description = "Name of the storage account."
  value       = azurerm_storage_account.this.name
}

output "url" {
  description = "Address of the container; objects are private, so requests must carry a token of Entra ID."
  value       = "${azurerm_storage_account.this.primary_blob_endpoint}${azurerm_storage_container.this.name}"
}

output "id" {
  description = "Azure's resource id of the storage account, for role assignments."
  value       = azurerm_storage_account.this.id
}
