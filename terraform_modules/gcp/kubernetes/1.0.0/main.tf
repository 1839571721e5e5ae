locals {
  # Names of clusters have 40 characters, and are unique in a project.
  cluster_name = var.unique_suffix == "" ? var.name : "${trimsuffix(substr(var.name, 0, 31), "-")}-${var.unique_suffix}"
  machine_type = var.machine_type != null ? var.machine_type : try(local.sizes[var.node_size].machine_type, "")
  zone         = "${var.region}-b"
  location     = var.regional ? var.region : local.zone
  # What bears no labels says in its description whose it is. Only what stays the same for life: another description
  # would be another network.
  marks       = [for key in ["skyvend-resource", "skyvend-organization"] : "${key}=${var.tags[key]}" if contains(keys(var.tags), key)]
  description = length(local.marks) == 0 ? "Made by Terraform." : join(";", local.marks)
  # Nobody but the network itself, unless a public endpoint is asked for.
  allowed = !var.public_endpoint ? [] : length(var.allowed_cidrs) == 0 ? ["0.0.0.0/0"] : distinct(var.allowed_cidrs)
  address = var.public_endpoint ? google_container_cluster.this.endpoint : google_container_cluster.this.private_cluster_config[0].private_endpoint
}

resource "google_container_cluster" "this" {
  #checkov:skip=CKV_GCP_12:Dataplane V2 enforces network policies by itself
  #checkov:skip=CKV_GCP_61:the log of every connection costs more than the cluster; who needs it switches it on
  #checkov:skip=CKV_GCP_65:groups of Google Workspace belong to the project's owner
  #checkov:skip=CKV_GCP_66:which images may run is the owner's choice
  #checkov:skip=CKV_GCP_69:the only pool of nodes has a metadata server of its own
  #checkov:skip=CKV_GCP_21:its labels are given from outside
  #checkov:skip=CKV_GCP_20:networks are named for a public endpoint, and it is private unless asked for
  name     = local.cluster_name
  location = local.location

  resource_labels = var.tags

  # All nodes in one zone: so many as asked for, and not three times that.
  node_locations = var.regional ? [local.zone] : null

  network    = google_compute_network.this.id
  subnetwork = google_compute_subnetwork.this.id

  networking_mode   = "VPC_NATIVE"
  datapath_provider = "ADVANCED_DATAPATH"

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = !var.public_endpoint
  }

  master_authorized_networks_config {
    gcp_public_cidrs_access_enabled = false

    dynamic "cidr_blocks" {
      for_each = local.allowed

      content {
        cidr_block = cidr_blocks.value
      }
    }
  }

  # Google keeps the control plane patched; a version given is where it starts from.
  min_master_version = var.kubernetes_version

  release_channel {
    channel = "REGULAR"
  }

  # Nodes are in a pool of their own: the one that comes with a cluster cannot be changed without a new cluster.
  initial_node_count       = 1
  remove_default_node_pool = true

  node_config {
    machine_type    = "e2-medium"
    service_account = google_service_account.node.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
  }

  enable_shielded_nodes = true
  enable_legacy_abac    = false

  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  # Pods have identities of Google's without keys.
  workload_identity_config {
    workload_pool = "${google_service_account.node.project}.svc.id.goog"
  }

  logging_config {
    enable_components = var.control_plane_logs ? ["SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"] : ["SYSTEM_COMPONENTS"]
  }

  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS"]

    managed_prometheus {
      enabled = false
    }
  }

  # The platform asks for the name before it destroys.
  deletion_protection = false

  # Without its role no node could join, and without the way out none could fetch an image.
  depends_on = [google_project_iam_member.node, google_compute_router_nat.this]

  lifecycle {
    # Of the pool that was removed.
    ignore_changes = [node_config, initial_node_count]

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
