output "cluster_name" {
  description = "Name of the cluster in EKS."
  value       = aws_eks_cluster.this.name
}

output "endpoint" {
  description = "Address of the control plane."
  value       = aws_eks_cluster.this.endpoint
}

output "ca_certificate" {
  description = "Certificate of the control plane's authority, as base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "kubeconfig" {
  description = "For kubectl. It holds no key: the AWS CLI fetches a short-lived token with the keys of whoever uses it."
  sensitive   = true
  value = yamlencode({
    apiVersion        = "v1"
    kind              = "Config"
    "current-context" = local.cluster_name
    clusters = [{
      name = local.cluster_name
      cluster = {
        server                       = aws_eks_cluster.this.endpoint
        "certificate-authority-data" = aws_eks_cluster.this.certificate_authority[0].data
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
          apiVersion      = "client.authentication.k8s.io/v1beta1"
          command         = "aws"
          args            = ["--region", var.region, "eks", "get-token", "--cluster-name", local.cluster_name, "--output", "json"]
          interactiveMode = "IfAvailable"
        }
      }
    }]
  })
}
