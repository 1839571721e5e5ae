# A network of the machine's own: Azure has no default one.

locals {
  # A rule of Azure's takes networks of one kind only.
  ssh_from = {
    for family, blocks in {
      ipv4 = [for block in var.allow_ssh_from : block if !strcontains(block, ":")]
      ipv6 = [for block in var.allow_ssh_from : block if strcontains(block, ":")]
    } : family => distinct(blocks) if length(blocks) > 0
  }
}

resource "azurerm_virtual_network" "this" {
  name                = "${var.name}-net"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  address_space       = ["10.0.0.0/24"]
  tags                = var.tags
}

resource "azurerm_subnet" "this" {
  #checkov:skip=CKV2_AZURE_31:the machine is all there is in it, and has its firewall on its network card
  name                            = "default"
  resource_group_name             = azurerm_resource_group.this.name
  virtual_network_name            = azurerm_virtual_network.this.name
  address_prefixes                = ["10.0.0.0/24"]
  default_outbound_access_enabled = false # the way out is the machine's own public address
}

# No port is open unless asked. The rules are given as a list, so that an empty list closes what was open before.
resource "azurerm_network_security_group" "this" {
  name                = "${var.name}-firewall"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location

  security_rule = [for family, blocks in local.ssh_from : {
    name                                       = "ssh-${family}"
    description                                = "SSH"
    priority                                   = family == "ipv4" ? 100 : 110
    direction                                  = "Inbound"
    access                                     = "Allow"
    protocol                                   = "Tcp"
    source_address_prefix                      = ""
    source_address_prefixes                    = blocks
    source_application_security_group_ids      = []
    source_port_range                          = "*"
    source_port_ranges                         = []
    destination_address_prefix                 = "*"
    destination_address_prefixes               = []
    destination_application_security_group_ids = []
    destination_port_range                     = "22"
    destination_port_ranges                    = []
  }]

  tags = var.tags
}

resource "azurerm_public_ip" "this" {
  name                = "${var.name}-ip"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  sku                 = "Standard"
  allocation_method   = "Static"
  tags                = var.tags
}

resource "azurerm_network_interface" "this" {
  #checkov:skip=CKV_AZURE_119:a machine with a public address is what is ordered; no port is open unless asked
  name                = "${var.name}-nic"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location

  ip_configuration {
    name                          = "primary"
    subnet_id                     = azurerm_subnet.this.id
    private_ip_address_allocation = "Dynamic"
    public_ip_address_id          = azurerm_public_ip.this.id
  }

  tags = var.tags
}

resource "azurerm_network_interface_security_group_association" "this" {
  network_interface_id      = azurerm_network_interface.this.id
  network_security_group_id = azurerm_network_security_group.this.id
}
