# A network of the cluster's own, unless a subnet is named.

resource "azurerm_virtual_network" "own" {
  count = local.makes_network ? 1 : 0

  name                = "${local.cluster_name}-net"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  address_space       = ["10.0.0.0/16"]
  tags                = var.tags
}

resource "azurerm_subnet" "own" {
  #checkov:skip=CKV2_AZURE_31:AKS keeps a firewall of its own on the nodes' network cards
  count = local.makes_network ? 1 : 0

  name                            = "nodes"
  resource_group_name             = azurerm_resource_group.this.name
  virtual_network_name            = azurerm_virtual_network.own[0].name
  address_prefixes                = ["10.0.0.0/20"]
  default_outbound_access_enabled = false # the way out is the cluster's load balancer
}
