locals {
  machine_type = var.machine_type != null ? var.machine_type : try(local.sizes[var.size].machine_type, "")
  # ARM sizes carry a "p" among the small letters behind their number (Standard_D2ps_v5, Standard_B2pts_v2).
  arch   = can(regex("^Standard_[A-Z]+[0-9]+(-[0-9]+)?[a-z]*p[a-z]*_v[0-9]+$", local.machine_type)) ? "arm64" : "x86_64"
  is_x86 = local.arch == "x86_64"
  image  = local.images[var.image]
  # Azure makes no machine without a password or a key. This key is nobody's: it is no half of a pair, but the SHA-256
  # of the sentence "Skyvend: nobody holds the private half of this key, number 2" read as a point of the curve
  # (numbers 0 and 1 give no point). Who wanted its private half would have to break Ed25519 itself.
  nobodys_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPALjWvRX6iM6NnAdQBCeuaziajg8XYmGp8K4Al4YLYO"
}

resource "azurerm_resource_group" "this" {
  name     = var.unique_suffix == "" ? "rg-${var.name}" : "rg-${var.name}-${var.unique_suffix}"
  location = var.region
  tags     = var.tags
}

resource "azurerm_linux_virtual_machine" "this" {
  name                  = var.name
  resource_group_name   = azurerm_resource_group.this.name
  location              = azurerm_resource_group.this.location
  size                  = local.machine_type
  network_interface_ids = [azurerm_network_interface.this.id]

  admin_username                  = local.image.login
  disable_password_authentication = true

  # What can be installed from outside is one way more into the machine.
  allow_extension_operations = false
  provision_vm_agent         = true
  # The images install security updates by themselves.
  patch_mode            = "ImageDefault"
  patch_assessment_mode = "ImageDefault"

  # Azure has Trusted Launch for the x86 images only.
  secure_boot_enabled        = local.is_x86
  vtpm_enabled               = local.is_x86
  encryption_at_host_enabled = var.encryption_at_host

  admin_ssh_key {
    username   = local.image.login
    public_key = var.ssh_public_key == "" ? local.nobodys_key : var.ssh_public_key
  }

  os_disk {
    name                 = "${var.name}-os"
    caching              = "ReadWrite"
    storage_account_type = "StandardSSD_LRS"
    disk_size_gb         = var.disk_gb
  }

  # "latest" is looked up when the machine is made; a newer release changes nothing later.
  source_image_reference {
    publisher = local.image.publisher
    offer     = local.image.offer
    sku       = local.image.skus[local.arch]
    version   = "latest"
  }

  # Empty: what the machine says while it boots is kept in storage of Azure's own.
  boot_diagnostics {}

  tags = var.tags

  # Before its firewall is there the machine must not be.
  depends_on = [azurerm_network_interface_security_group_association.this]

  lifecycle {
    precondition {
      condition     = (var.size == null) != (var.machine_type == null)
      error_message = "Give either size or machine_type."
    }
  }
}
