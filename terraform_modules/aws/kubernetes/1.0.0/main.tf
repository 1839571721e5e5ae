locals {
  cluster_name  = var.unique_suffix == "" ? var.name : "${var.name}-${var.unique_suffix}"
  makes_network = length(var.subnet_ids) == 0
  subnet_ids    = local.makes_network ? aws_subnet.own[*].id : var.subnet_ids
  machine_type  = var.machine_type != null ? var.machine_type : try(local.sizes[var.node_size].machine_type, "")
  # Graviton families carry a "g" after their generation number (t4g, m7gd, im4gn); the first one was a1.
  is_arm = can(regex("^(a1|[a-z]+[0-9]+g[a-z]*)[.]", local.machine_type))
}

resource "aws_cloudwatch_log_group" "control_plane" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts logs with its own key; a key of ours would need a policy naming its service
  name              = "/aws/eks/${local.cluster_name}/cluster"
  retention_in_days = var.log_retention_days
}

resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_58:EKS encrypts all that Kubernetes stores with a key of AWS's; a key of one's own can be named
  #checkov:skip=CKV_AWS_39:a public endpoint is only made when asked for
  #checkov:skip=CKV_AWS_38:who asks for a public endpoint says which networks may reach it
  name     = local.cluster_name
  version  = var.kubernetes_version
  role_arn = aws_iam_role.cluster.arn

  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = true
  }

  dynamic "encryption_config" {
    for_each = var.secrets_key_arn == "" ? [] : [var.secrets_key_arn]

    content {
      resources = ["secrets"]

      provider {
        key_arn = encryption_config.value
      }
    }
  }

  vpc_config {
    subnet_ids              = local.subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = var.public_endpoint
    public_access_cidrs     = var.public_endpoint ? (length(var.allowed_cidrs) == 0 ? ["0.0.0.0/0"] : sort(distinct(var.allowed_cidrs))) : null
  }

  # The role must be able to work before the cluster is made and until it is gone; the log group must be ours, or EKS
  # makes one that is never deleted.
  depends_on = [aws_iam_role_policy_attachment.cluster, aws_cloudwatch_log_group.control_plane]

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

resource "aws_launch_template" "node" {
  name_prefix = "${var.name}-"

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1 # pods have roles of their own and must not reach the node's
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.node_disk_gb
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = local.cluster_name })
    }
  }
}

resource "aws_eks_node_group" "this" {
  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "nodes"
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = local.subnet_ids
  instance_types  = [local.machine_type]
  ami_type        = local.is_arm ? "AL2023_ARM_64_STANDARD" : "AL2023_x86_64_STANDARD"
  version         = var.kubernetes_version

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  scaling_config {
    min_size     = var.min_nodes
    desired_size = var.min_nodes
    max_size     = var.max_nodes
  }

  update_config {
    max_unavailable = 1
  }

  # Without these a node cannot join, and could not leave in good order; nor without a route out.
  depends_on = [aws_iam_role_policy_attachment.node, aws_route.internet]

  lifecycle {
    # An autoscaler moves it between the two bounds.
    ignore_changes = [scaling_config[0].desired_size]
  }
}

resource "aws_eks_access_entry" "admin" {
  count = var.admin_principal_arn == "" ? 0 : 1

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = var.admin_principal_arn
}

resource "aws_eks_access_policy_association" "admin" {
  count = var.admin_principal_arn == "" ? 0 : 1

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.admin[0].principal_arn
  policy_arn    = "arn:${data.aws_partition.this.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

  access_scope {
    type = "cluster"
  }
}
