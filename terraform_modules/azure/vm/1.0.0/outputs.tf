output "public_ip" {
  description = "Public IPv4 address. It stays until the machine is destroyed."
  value       = azurerm_public_ip.this.ip_address
}

output "private_ip" {
  description = "Address inside its network."
  value       = azurerm_network_interface.this.private_ip_address
}

output "instance_id" {
  description = "Azure's resource id of the machine."
  value       = azurerm_linux_virtual_machine.this.id
}

output "ssh_command" {
  description = "How to sign in, given the private half of the key and a network that may reach port 22."
  value       = "ssh ${local.image.login}@${azurerm_public_ip.this.ip_address}"
}
