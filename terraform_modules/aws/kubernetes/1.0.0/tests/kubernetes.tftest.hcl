mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    }
  }

  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/skyvend/role"
    }
  }

  mock_resource "aws_launch_template" {
    defaults = {
      id             = "lt-0123456789abcdef0"
      latest_version = 1
    }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      endpoint              = "https://0123.gr7.eu-west-1.eks.amazonaws.com"
      certificate_authority = [{ data = "Q0E=" }]
      identity              = [{ oidc = [{ issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123" }] }]
    }
  }
}

variables {
  name          = "prod"
  unique_suffix = "1a2b3c4d"
  region        = "eu-west-1"
  node_size     = "medium"
  tags          = { "skyvend-resource" = "r-1" }
}

run "safe_by_default" {
  command = apply

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The control plane is private unless asked."
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "All of the control plane's logs are kept."
  }

  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API"
    error_message = "People sign in through IAM access entries only."
  }

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Pods cannot reach the node's credentials."
  }

  assert {
    condition     = tobool(aws_launch_template.node.block_device_mappings[0].ebs[0].encrypted)
    error_message = "Disks are encrypted."
  }

  assert {
    condition     = alltrue([for each in aws_launch_template.node.tag_specifications : each.tags["skyvend-resource"] == "r-1"])
    error_message = "Nodes and their disks carry the tags."
  }

  assert {
    condition     = aws_eks_node_group.this.instance_types == tolist(["t3.medium"]) && aws_eks_node_group.this.scaling_config[0].min_size == 1 && aws_eks_node_group.this.scaling_config[0].max_size == 3
    error_message = "One to three t3.medium."
  }

  assert {
    condition     = length(aws_default_security_group.own[0].ingress) == 0
    error_message = "The network's default security group lets nothing in."
  }

  assert {
    condition     = output.cluster_name == "prod-1a2b3c4d"
    error_message = "The name carries the suffix."
  }

  assert {
    condition     = yamldecode(output.kubeconfig).users[0].user.exec.command == "aws" && !strcontains(output.kubeconfig, "token:")
    error_message = "The kubeconfig holds no token."
  }
}

run "public_only_for_those_named" {
  command = apply

  variables {
    public_endpoint = true
    allowed_cidrs   = ["203.0.113.0/24", "198.51.100.0/24", "203.0.113.0/24"]
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["198.51.100.0/24", "203.0.113.0/24"])
    error_message = "Only the named networks."
  }
}

run "given_subnets_make_no_network" {
  command = apply

  variables {
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  assert {
    condition     = length(aws_vpc.own) == 0 && aws_eks_node_group.this.subnet_ids == toset(["subnet-1", "subnet-2"])
    error_message = "The given subnets are used."
  }
}

run "arm_machines_get_an_arm_image" {
  command = apply

  variables {
    node_size    = null
    machine_type = "m7g.large"
  }

  assert {
    condition     = aws_eks_node_group.this.ami_type == "AL2023_ARM_64_STANDARD"
    error_message = "Graviton needs an ARM image."
  }
}

run "an_administrator_is_let_in" {
  command = apply

  variables {
    admin_principal_arn = "arn:aws:iam::123456789012:role/team"
  }

  assert {
    condition     = aws_eks_access_policy_association.admin[0].policy_arn == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    error_message = "The named role is administrator."
  }
}

run "size_and_machine_type_exclude_each_other" {
  command = plan

  variables {
    machine_type = "m5.large"
  }

  expect_failures = [aws_eks_cluster.this]
}

run "fewer_at_most_than_at_least_is_refused" {
  command = plan

  variables {
    min_nodes = 4
  }

  expect_failures = [aws_eks_cluster.this]
}
