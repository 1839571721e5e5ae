mock_provider "azurerm" {
  mock_resource "azurerm_subnet" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/default" }
  }

  mock_resource "azurerm_public_ip" {
    defaults = {
      id         = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/ip"
      ip_address = "203.0.113.7"
    }
  }

  mock_resource "azurerm_network_security_group" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/f" }
  }

  mock_resource "azurerm_network_interface" {
    defaults = {
      id                 = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/nic"
      private_ip_address = "10.0.0.4"
    }
  }

  mock_resource "azurerm_linux_virtual_machine" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web" }
  }
}

variables {
  name          = "web"
  unique_suffix = "0123abcd"
  region        = "westeurope"
  size          = "small"
  tags          = { "skyvend-resource" = "r-1" }
}

run "safe_by_default" {
  command = plan

  assert {
    condition     = azurerm_linux_virtual_machine.this.size == "Standard_B1ms"
    error_message = "A small machine is a Standard_B1ms."
  }

  assert {
    condition     = azurerm_linux_virtual_machine.this.disable_password_authentication && azurerm_linux_virtual_machine.this.admin_password == null
    error_message = "There is no password."
  }

  assert {
    condition     = one(azurerm_linux_virtual_machine.this.admin_ssh_key).public_key == local.nobodys_key
    error_message = "Without a key nobody can sign in."
  }

  assert {
    condition     = azurerm_linux_virtual_machine.this.secure_boot_enabled && azurerm_linux_virtual_machine.this.vtpm_enabled
    error_message = "Secure Boot and the virtual TPM are on."
  }

  assert {
    condition     = !azurerm_linux_virtual_machine.this.allow_extension_operations
    error_message = "Nothing can be installed from outside."
  }

  assert {
    condition     = length(azurerm_linux_virtual_machine.this.identity) == 0
    error_message = "The machine may do nothing in the subscription."
  }

  assert {
    condition     = azurerm_linux_virtual_machine.this.os_disk[0].storage_account_type == "StandardSSD_LRS" && azurerm_linux_virtual_machine.this.os_disk[0].disk_size_gb == 30
    error_message = "The disk is a Standard SSD of 30 GB."
  }

  assert {
    condition     = length(azurerm_network_security_group.this.security_rule) == 0
    error_message = "No port is open unless asked."
  }

  assert {
    condition     = azurerm_public_ip.this.sku == "Standard" && azurerm_public_ip.this.allocation_method == "Static"
    error_message = "The address stays, and lets nothing in by itself."
  }

  assert {
    condition     = !azurerm_subnet.this.default_outbound_access_enabled
    error_message = "There is no way out but the machine's own address."
  }

  assert {
    condition     = azurerm_resource_group.this.name == "rg-web-0123abcd"
    error_message = "The group's name is unique in the subscription."
  }

  assert {
    condition = alltrue([for tags in [
      azurerm_resource_group.this.tags, azurerm_virtual_network.this.tags, azurerm_network_security_group.this.tags,
      azurerm_public_ip.this.tags, azurerm_network_interface.this.tags, azurerm_linux_virtual_machine.this.tags,
    ] : tags["skyvend-resource"] == "r-1"])
    error_message = "Everything that can carries the tags."
  }
}

run "ssh_only_for_those_named" {
  command = plan

  variables {
    allow_ssh_from = ["2001:db8::/32", "203.0.113.0/24", "203.0.113.0/24"]
    ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  }

  assert {
    condition     = toset([for rule in azurerm_network_security_group.this.security_rule : "${rule.access} ${rule.direction} ${rule.protocol} ${rule.destination_port_range}"]) == toset(["Allow Inbound Tcp 22"])
    error_message = "Only port 22 is open."
  }

  assert {
    condition = { for rule in azurerm_network_security_group.this.security_rule : rule.name => tolist(rule.source_address_prefixes) } == {
      "ssh-ipv4" = tolist(["203.0.113.0/24"])
      "ssh-ipv6" = tolist(["2001:db8::/32"])
    }
    error_message = "IPv4 and IPv6 networks have a rule each and are named once."
  }

  assert {
    condition     = one(azurerm_linux_virtual_machine.this.admin_ssh_key).public_key == var.ssh_public_key
    error_message = "The key is the one given."
  }
}

run "every_size_has_its_type" {
  command = plan

  assert {
    condition = { for name, size in local.sizes : name => size.machine_type } == {
      micro     = "Standard_B1s"
      small     = "Standard_B1ms"
      medium    = "Standard_B2s"
      large     = "Standard_B2ms"
      xlarge    = "Standard_B4ms"
      "2xlarge" = "Standard_D8s_v5"
    }
    error_message = "The sizes are the platform's."
  }
}

run "an_arm_type_gets_an_arm_image_without_secure_boot" {
  command = plan

  variables {
    size         = null
    machine_type = "Standard_D2ps_v5"
    image        = "debian-12"
  }

  assert {
    condition     = azurerm_linux_virtual_machine.this.source_image_reference[0].offer == "debian-12" && azurerm_linux_virtual_machine.this.source_image_reference[0].sku == "12-arm64"
    error_message = "An ARM type needs an ARM image."
  }

  assert {
    condition     = !azurerm_linux_virtual_machine.this.secure_boot_enabled && !azurerm_linux_virtual_machine.this.vtpm_enabled
    error_message = "Trusted Launch is for x86."
  }
}

run "an_exact_x86_type" {
  command = plan

  variables {
    size               = null
    machine_type       = "Standard_E4-2ads_v5"
    image              = "ubuntu-22.04"
    encryption_at_host = true
  }

  assert {
    condition     = azurerm_linux_virtual_machine.this.source_image_reference[0].sku == "22_04-lts-gen2" && azurerm_linux_virtual_machine.this.secure_boot_enabled
    error_message = "No p, no ARM."
  }

  assert {
    condition     = azurerm_linux_virtual_machine.this.encryption_at_host_enabled
    error_message = "Encryption at host is on when asked."
  }
}

run "size_and_type_together_are_refused" {
  command = plan

  variables {
    machine_type = "Standard_D2s_v5"
  }

  expect_failures = [azurerm_linux_virtual_machine.this]
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name           = "Web_1"
    unique_suffix  = "UPPER"
    disk_gb        = 20
    allow_ssh_from = ["everyone"]
  }

  expect_failures = [var.name, var.unique_suffix, var.disk_gb, var.allow_ssh_from]
}

run "outputs" {
  assert {
    condition     = output.ssh_command == "ssh azureuser@203.0.113.7" && output.public_ip == "203.0.113.7"
    error_message = "The command names the image's user."
  }

  assert {
    condition     = output.instance_id == azurerm_linux_virtual_machine.this.id && output.private_ip == "10.0.0.4"
    error_message = "The outputs are the machine's."
  }
}
