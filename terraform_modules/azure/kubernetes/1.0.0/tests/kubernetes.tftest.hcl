mock_provider "azurerm" {
  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
      principal_id = "11111111-2222-3333-4444-555555555555"
    }
  }

  mock_resource "azurerm_subnet" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/nodes" }
  }

  mock_resource "azurerm_log_analytics_workspace" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/l" }
  }

  mock_resource "azurerm_kubernetes_cluster" {
    defaults = {
      id              = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c"
      fqdn            = "demo.hcp.westeurope.azmk8s.io"
      private_fqdn    = "demo.privatelink.westeurope.azmk8s.io"
      kube_config_raw = "kind: Config"
      kube_config = [{
        client_certificate     = "Y2VydA=="
        client_key             = "a2V5"
        cluster_ca_certificate = "Y2E="
        host                   = "https://demo.privatelink.westeurope.azmk8s.io:443"
        password               = ""
        username               = "clusterUser"
      }]
    }
  }
}

variables {
  name          = "demo"
  unique_suffix = "0123abcd"
  region        = "westeurope"
  node_size     = "medium"
  tags          = { "skyvend-resource" = "r-1" }
}

run "safe_by_default" {
  assert {
    condition     = azurerm_kubernetes_cluster.this.private_cluster_enabled && !azurerm_kubernetes_cluster.this.private_cluster_public_fqdn_enabled
    error_message = "The control plane is private."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.role_based_access_control_enabled && azurerm_kubernetes_cluster.this.oidc_issuer_enabled && azurerm_kubernetes_cluster.this.workload_identity_enabled
    error_message = "Roles count, and pods can have identities without keys."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].network_plugin_mode == "overlay" && azurerm_kubernetes_cluster.this.network_profile[0].network_policy == "cilium"
    error_message = "Pods have their own addresses, and network policies work."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.automatic_upgrade_channel == "patch" && azurerm_kubernetes_cluster.this.node_os_upgrade_channel == "NodeImage"
    error_message = "Security fixes come by themselves."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.sku_tier == "Free"
    error_message = "Nothing is paid for that was not asked for."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.identity[0].type == "UserAssigned" && azurerm_role_assignment.subnet.scope == azurerm_subnet.own[0].id && azurerm_role_assignment.subnet.role_definition_name == "Network Contributor"
    error_message = "The cluster may change its subnet and nothing else."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.default_node_pool[0].vm_size == "Standard_B2s" && azurerm_kubernetes_cluster.this.default_node_pool[0].os_disk_size_gb == 32
    error_message = "A medium node is a Standard_B2s."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.default_node_pool[0].auto_scaling_enabled && azurerm_kubernetes_cluster.this.default_node_pool[0].min_count == 1 && azurerm_kubernetes_cluster.this.default_node_pool[0].max_count == 3
    error_message = "One to three nodes."
  }

  assert {
    condition     = length(azurerm_kubernetes_cluster.this.api_server_access_profile) == 0
    error_message = "A private control plane needs no list of networks."
  }

  assert {
    condition     = azurerm_log_analytics_workspace.this[0].daily_quota_gb == 1 && azurerm_log_analytics_workspace.this[0].retention_in_days == 30
    error_message = "Logs are kept, and cannot cost without bounds."
  }

  assert {
    condition     = contains([for log in azurerm_monitor_diagnostic_setting.this[0].enabled_log : log.category], "kube-audit-admin")
    error_message = "It is written down who changed what."
  }

  assert {
    condition = alltrue([for tags in [
      azurerm_resource_group.this.tags, azurerm_virtual_network.own[0].tags, azurerm_user_assigned_identity.this.tags,
      azurerm_log_analytics_workspace.this[0].tags, azurerm_kubernetes_cluster.this.tags,
    ] : tags["skyvend-resource"] == "r-1"])
    error_message = "Everything that can carries the tags."
  }

  assert {
    condition     = output.cluster_name == "demo-0123abcd" && output.endpoint == "https://demo.privatelink.westeurope.azmk8s.io:443" && output.ca_certificate == "Y2E="
    error_message = "The outputs are the cluster's."
  }

  assert {
    condition     = output.kubeconfig == "kind: Config"
    error_message = "Without a group of administrators there is only the cluster's own account."
  }
}

run "administrators_switch_the_own_accounts_off" {
  variables {
    admin_group_ids = ["11111111-2222-3333-4444-555555555555"]
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.local_account_disabled
    error_message = "Only Entra ID lets anybody in."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.azure_active_directory_role_based_access_control[0].admin_group_object_ids == tolist(["11111111-2222-3333-4444-555555555555"])
    error_message = "The group administers the cluster."
  }

  assert {
    condition     = yamldecode(output.kubeconfig).users[0].user.exec.command == "kubelogin" && !strcontains(output.kubeconfig, "a2V5")
    error_message = "The kubeconfig holds no key."
  }

  assert {
    condition     = yamldecode(output.kubeconfig).clusters[0].cluster.server == output.endpoint
    error_message = "The kubeconfig leads to the cluster."
  }
}

run "a_public_endpoint_for_those_named" {
  variables {
    public_endpoint = true
    allowed_cidrs   = ["203.0.113.0/24"]
  }

  assert {
    condition     = !azurerm_kubernetes_cluster.this.private_cluster_enabled && azurerm_kubernetes_cluster.this.api_server_access_profile[0].authorized_ip_ranges == toset(["203.0.113.0/24"])
    error_message = "Only the network named can reach it."
  }

  assert {
    condition     = output.endpoint == "https://demo.hcp.westeurope.azmk8s.io:443"
    error_message = "The address is the public one."
  }
}

run "all_that_can_be_chosen" {
  command = plan

  variables {
    node_size          = null
    machine_type       = "Standard_D4s_v5"
    min_nodes          = 2
    max_nodes          = 5
    kubernetes_version = "1.33"
    node_disk_gb       = 64
    tier               = "standard"
    control_plane_logs = false
    subnet_id          = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/theirs"
  }

  assert {
    condition = azurerm_kubernetes_cluster.this.default_node_pool[0].vm_size == "Standard_D4s_v5" && alltrue([
      azurerm_kubernetes_cluster.this.default_node_pool[0].min_count == 2,
      azurerm_kubernetes_cluster.this.default_node_pool[0].max_count == 5,
      azurerm_kubernetes_cluster.this.default_node_pool[0].os_disk_size_gb == 64,
    ])
    error_message = "The nodes are those asked for."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.kubernetes_version == "1.33" && azurerm_kubernetes_cluster.this.default_node_pool[0].orchestrator_version == "1.33"
    error_message = "Control plane and nodes have the same version."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.sku_tier == "Standard"
    error_message = "The tier is the one asked for."
  }

  assert {
    condition     = length(azurerm_log_analytics_workspace.this) == 0 && length(azurerm_monitor_diagnostic_setting.this) == 0
    error_message = "No logs unless asked."
  }

  assert {
    condition     = length(azurerm_virtual_network.own) == 0 && azurerm_kubernetes_cluster.this.default_node_pool[0].vnet_subnet_id == var.subnet_id && azurerm_role_assignment.subnet.scope == var.subnet_id
    error_message = "The subnet named is used."
  }
}

run "every_size_has_its_type" {
  command = plan

  assert {
    condition = { for name, size in local.sizes : name => size.machine_type } == {
      small     = "Standard_B2s"
      medium    = "Standard_B2s"
      large     = "Standard_B2ms"
      xlarge    = "Standard_B4ms"
      "2xlarge" = "Standard_D8s_v5"
    }
    error_message = "The sizes are the platform's; AKS needs 2 vCPU and 4 GiB."
  }
}

run "fewer_at_most_than_at_least_is_refused" {
  command = plan

  variables {
    min_nodes = 4
  }

  expect_failures = [azurerm_kubernetes_cluster.this]
}

run "size_and_type_together_are_refused" {
  command = plan

  variables {
    machine_type = "Standard_D2s_v5"
  }

  expect_failures = [azurerm_kubernetes_cluster.this]
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name               = "Demo_1"
    unique_suffix      = "UPPER"
    node_size          = "micro"
    kubernetes_version = "latest"
    min_nodes          = 0
    max_nodes          = 101
    allowed_cidrs      = ["2001:db8::/32"]
    node_disk_gb       = 20
    tier               = "premium"
    admin_group_ids    = ["admins"]
    subnet_id          = "theirs"
  }

  expect_failures = [
    var.name, var.unique_suffix, var.node_size, var.kubernetes_version, var.min_nodes, var.max_nodes, var.allowed_cidrs,
    var.node_disk_gb, var.tier, var.admin_group_ids, var.subnet_id,
  ]
}
