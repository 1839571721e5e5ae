locals {
  cluster_name  = var.unique_suffix == "" ? var.name : "${var.name}-${var.unique_suffix}"
  machine_type  = var.machine_type != null ? var.machine_type : try(local.sizes[var.node_size].machine_type, "")
  makes_network = var.subnet_id == ""
  subnet_id     = local.makes_network ? one(azurerm_subnet.own[*].id) : var.subnet_id
  has_admins    = length(var.admin_group_ids) > 0
  endpoint      = "https://${var.public_endpoint ? azurerm_kubernetes_cluster.this.fqdn : azurerm_kubernetes_cluster.this.private_fqdn}:443"
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${local.cluster_name}"
  location = var.region
  tags     = var.tags
}

# Whom the control plane is when it asks Azure for nodes, addresses and disks.
resource "azurerm_user_assigned_identity" "this" {
  name                = local.cluster_name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = var.tags
}

# In its own node group AKS may do all by itself, but the subnet lies outside: this much, and no more, it needs there.
resource "azurerm_role_assignment" "subnet" {
  scope                = local.subnet_id
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.this.principal_id
  principal_type       = "ServicePrincipal" # so that Azure does not look for an identity made a second ago
}

resource "azurerm_kubernetes_cluster" "this" {
  #checkov:skip=CKV_AZURE_6:a public endpoint is made when asked for only, and who asks says which networks may reach it
  #checkov:skip=CKV_AZURE_115:private unless a public endpoint is asked for
  #checkov:skip=CKV_AZURE_141:its own accounts are off as soon as a group of Entra ID administers it; before nobody else could
  #checkov:skip=CKV_AZURE_170:a paid service level can be chosen
  #checkov:skip=CKV_AZURE_4:the control plane's logs go to Log Analytics; those of containers are the owner's choice
  #checkov:skip=CKV_AZURE_116:policies belong to the subscription's owner
  #checkov:skip=CKV_AZURE_117:disks are encrypted with Azure's own keys
  #checkov:skip=CKV_AZURE_172:no secret store is installed
  #checkov:skip=CKV_AZURE_226:the smaller types have no room for ephemeral disks
  #checkov:skip=CKV_AZURE_227:encryption at host must be registered in the subscription first
  #checkov:skip=CKV_AZURE_232:it is the only node pool, so it runs everything
  name                = local.cluster_name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  dns_prefix          = local.cluster_name
  # The name AKS would choose can be longer than Azure allows.
  node_resource_group = "rg-${local.cluster_name}-nodes"

  kubernetes_version        = var.kubernetes_version
  sku_tier                  = var.tier == "standard" ? "Standard" : "Free"
  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"

  private_cluster_enabled             = !var.public_endpoint
  private_cluster_public_fqdn_enabled = false

  role_based_access_control_enabled = true
  local_account_disabled            = local.has_admins
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  run_command_enabled               = true # the way into a private cluster: it asks for a role in Azure, and is logged

  default_node_pool {
    name                        = "nodes"
    temporary_name_for_rotation = "rotating" # another size of node makes new nodes first, not a new cluster
    vm_size                     = local.machine_type
    orchestrator_version        = var.kubernetes_version
    auto_scaling_enabled        = true
    min_count                   = var.min_nodes
    max_count                   = var.max_nodes
    max_pods                    = 110
    os_disk_type                = "Managed"
    os_disk_size_gb             = var.node_disk_gb
    vnet_subnet_id              = local.subnet_id
    tags                        = var.tags

    upgrade_settings {
      max_surge                     = "10%"
      drain_timeout_in_minutes      = 30
      node_soak_duration_in_minutes = 0
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.this.id]
  }

  # Pods have addresses of their own, which no network outside needs to know.
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    load_balancer_sku   = "standard"
    outbound_type       = "loadBalancer"
    pod_cidr            = "10.244.0.0/16"
    service_cidr        = "10.245.0.0/16"
    dns_service_ip      = "10.245.0.10"
  }

  dynamic "api_server_access_profile" {
    for_each = var.public_endpoint && length(var.allowed_cidrs) > 0 ? [distinct(var.allowed_cidrs)] : []

    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }

  dynamic "azure_active_directory_role_based_access_control" {
    for_each = local.has_admins ? [distinct(var.admin_group_ids)] : []

    content {
      admin_group_object_ids = azure_active_directory_role_based_access_control.value
      azure_rbac_enabled     = false
    }
  }

  tags = var.tags

  # Without the role it could neither add a node nor clean up behind itself.
  depends_on = [azurerm_role_assignment.subnet]

  lifecycle {
    precondition {
      condition     = (var.node_size == null) != (var.machine_type == null)
      error_message = "Give either node_size or machine_type."
    }

    precondition {
      condition     = var.min_nodes <= var.max_nodes
      error_message = "min_nodes must not be larger than max_nodes."
    }
  }
}
