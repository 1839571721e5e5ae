# Who asked the control plane for what. Azure charges for every GB that comes in: the cap bounds it.

resource "azurerm_log_analytics_workspace" "this" {
  count = var.control_plane_logs ? 1 : 0

  name                          = "${local.cluster_name}-logs"
  resource_group_name           = azurerm_resource_group.this.name
  location                      = azurerm_resource_group.this.location
  sku                           = "PerGB2018"
  retention_in_days             = 30
  daily_quota_gb                = 1
  local_authentication_disabled = true
  tags                          = var.tags
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  count = var.control_plane_logs ? 1 : 0

  name                           = "control-plane"
  target_resource_id             = azurerm_kubernetes_cluster.this.id
  log_analytics_workspace_id     = azurerm_log_analytics_workspace.this[0].id
  log_analytics_destination_type = "Dedicated"

  # kube-audit-admin is kube-audit without what only reads, which is nearly all of it.
  dynamic "enabled_log" {
    for_each = toset(["cluster-autoscaler", "guard", "kube-apiserver", "kube-audit-admin", "kube-controller-manager", "kube-scheduler"])

    content {
      category = enabled_log.value
    }
  }
}
