mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email   = "k8s-demo@p.iam.gserviceaccount.com"
      member  = "serviceAccount:k8s-demo@p.iam.gserviceaccount.com"
      project = "p"
    }
  }

  mock_resource "google_container_cluster" {
    defaults = {
      id          = "projects/p/locations/europe-west1-b/clusters/demo-0123abcd"
      endpoint    = "203.0.113.9"
      master_auth = { cluster_ca_certificate = "Y2E=" }
    }
  }
}

variables {
  name          = "demo"
  unique_suffix = "0123abcd"
  region        = "europe-west1"
  node_size     = "medium"
  tags          = { "skyvend-resource" = "r-1", "skyvend-organization" = "o-1", "skyvend-run" = "n-1" }
}

run "safe_by_default" {
  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_nodes && google_container_cluster.this.private_cluster_config[0].enable_private_endpoint
    error_message = "Nodes and control plane are private."
  }

  assert {
    condition     = length(google_container_cluster.this.master_authorized_networks_config[0].cidr_blocks) == 0 && !google_container_cluster.this.master_authorized_networks_config[0].gcp_public_cidrs_access_enabled
    error_message = "Nobody from outside reaches the control plane."
  }

  assert {
    condition     = google_container_cluster.this.workload_identity_config[0].workload_pool == "p.svc.id.goog" && google_container_node_pool.this.node_config[0].workload_metadata_config[0].mode == "GKE_METADATA"
    error_message = "Pods have identities without keys, and not the node's."
  }

  assert {
    condition     = google_container_cluster.this.enable_shielded_nodes && google_container_node_pool.this.node_config[0].shielded_instance_config[0].enable_secure_boot
    error_message = "Nodes start with Secure Boot."
  }

  assert {
    condition     = google_container_cluster.this.datapath_provider == "ADVANCED_DATAPATH" && google_container_cluster.this.networking_mode == "VPC_NATIVE"
    error_message = "Network policies work."
  }

  assert {
    condition     = !google_container_cluster.this.master_auth[0].client_certificate_config[0].issue_client_certificate && !google_container_cluster.this.enable_legacy_abac
    error_message = "No certificates that cannot be taken back, and roles count."
  }

  assert {
    condition     = contains(google_container_cluster.this.logging_config[0].enable_components, "APISERVER") && google_container_cluster.this.release_channel[0].channel == "REGULAR"
    error_message = "The control plane logs, and is kept patched."
  }

  assert {
    condition     = google_project_iam_member.node.role == "roles/container.defaultNodeServiceAccount"
    error_message = "Nodes may write logs and metrics, and nothing else."
  }

  assert {
    condition     = google_container_node_pool.this.node_config[0].machine_type == "e2-medium" && google_container_node_pool.this.node_config[0].disk_size_gb == 32 && google_container_node_pool.this.node_config[0].disk_type == "pd-balanced"
    error_message = "A medium node is an e2-medium."
  }

  assert {
    condition     = google_container_node_pool.this.autoscaling[0].min_node_count == 1 && google_container_node_pool.this.autoscaling[0].max_node_count == 3
    error_message = "One to three nodes."
  }

  assert {
    condition     = google_container_cluster.this.location == "europe-west1-b" && google_container_cluster.this.remove_default_node_pool && !google_container_cluster.this.deletion_protection
    error_message = "One zone, one pool of nodes, and it can be destroyed."
  }

  assert {
    condition     = google_compute_network.this.description == "skyvend-resource=r-1;skyvend-organization=o-1" && google_service_account.node.description == google_compute_network.this.description && google_compute_subnetwork.this.description == google_compute_network.this.description
    error_message = "What bears no labels says whose it is, and nothing that changes."
  }
}

run "a_public_endpoint_for_those_named" {
  variables {
    public_endpoint = true
    allowed_cidrs   = ["203.0.113.0/24", "203.0.113.0/24"]
  }

  assert {
    condition     = !google_container_cluster.this.private_cluster_config[0].enable_private_endpoint && [for block in google_container_cluster.this.master_authorized_networks_config[0].cidr_blocks : block.cidr_block] == ["203.0.113.0/24"]
    error_message = "Who is named reaches the control plane, and nobody else."
  }

  assert {
    condition     = output.endpoint == "https://203.0.113.9" && output.cluster_name == "demo-0123abcd" && output.ca_certificate == "Y2E="
    error_message = "The outputs are the cluster's."
  }

  assert {
    condition     = yamldecode(output.kubeconfig).clusters[0].cluster.server == output.endpoint && keys(yamldecode(output.kubeconfig).users[0].user) == ["exec"]
    error_message = "The kubeconfig leads to the cluster and holds no key."
  }
}

run "a_public_endpoint_for_anybody_who_signs_in" {
  command = plan

  variables {
    public_endpoint = true
  }

  assert {
    condition     = [for block in google_container_cluster.this.master_authorized_networks_config[0].cidr_blocks : block.cidr_block] == ["0.0.0.0/0"]
    error_message = "Without a list anybody may try."
  }
}

run "in_three_zones" {
  command = plan

  variables {
    regional           = true
    control_plane_logs = false
    node_size          = null
    machine_type       = "n2-standard-4"
    kubernetes_version = "1.33"
  }

  assert {
    condition     = google_container_cluster.this.location == "europe-west1" && toset(google_container_cluster.this.node_locations) == toset(["europe-west1-b"])
    error_message = "Three control planes, and as many nodes as asked for."
  }

  assert {
    condition     = google_container_cluster.this.min_master_version == "1.33" && google_container_node_pool.this.node_config[0].machine_type == "n2-standard-4" && google_container_cluster.this.logging_config[0].enable_components == tolist(["SYSTEM_COMPONENTS"])
    error_message = "Version, type and logs are as asked for."
  }
}

run "every_size_has_its_type" {
  command = plan

  assert {
    condition = { for name, size in local.sizes : name => size.machine_type } == {
      small     = "e2-medium"
      medium    = "e2-medium"
      large     = "e2-standard-2"
      xlarge    = "e2-standard-4"
      "2xlarge" = "e2-standard-8"
    }
    error_message = "The sizes are the platform's."
  }
}

run "the_longest_name_fits" {
  command = plan

  variables {
    name = "abcdefghijklmnopqrstuvwxyz-abcdefghijkl"
  }

  assert {
    condition     = length(google_container_cluster.this.name) <= 40 && length(google_service_account.node.account_id) <= 30 && endswith(google_container_cluster.this.name, "-0123abcd")
    error_message = "GKE's names have 40 characters, accounts' 30."
  }
}

run "size_and_type_together_are_refused" {
  command = plan

  variables {
    machine_type = "e2-medium"
  }

  expect_failures = [google_container_cluster.this]
}

run "more_at_least_than_at_most_is_refused" {
  command = plan

  variables {
    min_nodes = 4
  }

  expect_failures = [google_container_cluster.this]
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
    allowed_cidrs      = ["everyone"]
    node_disk_gb       = 5
  }

  expect_failures = [
    var.name, var.unique_suffix, var.node_size, var.kubernetes_version, var.min_nodes, var.max_nodes,
    var.allowed_cidrs, var.node_disk_gb,
  ]
}
