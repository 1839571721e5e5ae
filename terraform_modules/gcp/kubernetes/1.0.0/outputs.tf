output "cluster_name" {
  description = "Name of the cluster in GKE."
  value       = google_container_cluster.this.name
}

output "endpoint" {
  description = "Address of the control plane."
  value       = "https://${local.address}"
}

output "ca_certificate" {
  description = "Certificate of the control plane's authority, as base64."
  value       = google_container_cluster.this.master_auth[0].cluster_ca_certificate
}

output "kubeconfig" {
  description = "For kubectl. It holds no key: gke-gcloud-auth-plugin fetches a short-lived token for whoever uses it."
  sensitive   = true
  value = yamlencode({
    apiVersion        = "v1"
    kind              = "Config"
    "current-context" = local.cluster_name
    clusters = [{
      name = local.cluster_name
      cluster = {
        server                       = "https://${local.address}"
        "certificate-authority-data" = google_container_cluster.this.master_auth[0].cluster_ca_certificate
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
          apiVersion         = "client.authentication.k8s.io/v1beta1"
          command            = "gke-gcloud-auth-plugin"
          provideClusterInfo = true
          interactiveMode    = "IfAvailable"
        }
      }
    }]
  })

  # Who has the kubeconfig expects nodes.
  depends_on = [google_container_node_pool.this]
}
