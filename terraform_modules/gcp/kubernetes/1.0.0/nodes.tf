# Whom the nodes are: an account that may write logs and metrics and nothing else.

resource "google_service_account" "node" {
  account_id   = "k8s-${trimsuffix(substr(var.name, 0, 17), "-")}-${var.unique_suffix == "" ? "0" : var.unique_suffix}"
  display_name = "Nodes of ${local.cluster_name}"
  description  = local.description
}

resource "google_project_iam_member" "node" {
  #checkov:skip=CKV_GCP_117:no basic role, but the one that Google made for nodes
  project = google_service_account.node.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.node.member
}

resource "google_container_node_pool" "this" {
  name     = "nodes"
  cluster  = google_container_cluster.this.id
  location = local.location

  initial_node_count = var.min_nodes

  autoscaling {
    min_node_count = var.min_nodes
    max_node_count = var.max_nodes
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  # New nodes first, then the old ones go.
  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }

  node_config {
    machine_type    = local.machine_type
    image_type      = "COS_CONTAINERD"
    disk_type       = "pd-balanced"
    disk_size_gb    = var.node_disk_gb
    service_account = google_service_account.node.email
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"] # what they may do is said by the account's role
    resource_labels = var.tags

    metadata = {
      "disable-legacy-endpoints" = "true"
    }

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }

    # Pods cannot ask for the node's own token.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  lifecycle {
    # The autoscaler moves the number of nodes from here.
    ignore_changes = [initial_node_count]
  }
}
