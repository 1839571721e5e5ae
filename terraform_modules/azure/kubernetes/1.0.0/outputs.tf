output "cluster_name" {
  description = "Name of the cluster in AKS."
  value       = azurerm_kubernetes_cluster.this.name
}

output "endpoint" {
  description = "Address of the control plane."
  value       = local.endpoint
}

output "ca_certificate" {
  description = "Certificate of the control plane's authority, as base64."
  value       = nonsensitive(azurerm_kubernetes_cluster.this.kube_config[0].cluster_ca_certificate)
}

# With groups of Entra ID it holds no key: kubelogin fetches a short-lived token for whoever uses it. Without them the
# cluster's own account is the only one there is, and this is its key.
output "kubeconfig" {
  description = "For kubectl. Without admin_group_ids it holds the key of the cluster's own administrator."
  sensitive   = true
  value       = local.has_admins ? local.kubelogin : azurerm_kubernetes_cluster.this.kube_config_raw
}

locals {
  kubelogin = yamlencode({
    apiVersion        = "v1"
    kind              = "Config"
    "current-context" = local.cluster_name
    clusters = [{
      name = local.cluster_name
      cluster = {
        server                       = local.endpoint
        "certificate-authority-data" = azurerm_kubernetes_cluster.this.kube_config[0].cluster_ca_certificate
      }
    }]
    contexts = [{
      name    = local.cluster_name
      context = { cluster = local.cluster_name, user = local.cluster_name }
    }]
    users = [{
      name = local.cluster_name
      user = {
        exec = {
          apiVersion = "client.authentication.k8s.io/v1beta1"
          command    = "kubelogin"
          # The id is that of AKS itself in Entra ID, the same everywhere.
          args            = ["get-token", "--login", "azurecli", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"]
          interactiveMode = "IfAvailable"
        }
      }
    }]
  })
}
