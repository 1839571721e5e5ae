# A network of the cluster's own with a way out.

resource "google_compute_network" "this" {
  #checkov:skip=CKV2_GCP_18:GKE makes the firewall rules of its nodes, and without rules nothing gets in
  name                    = "${local.cluster_name}-net"
  description             = local.description
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "this" {
  #checkov:skip=CKV_GCP_26:the log of every connection costs more than the cluster; who needs it switches it on
  #checkov:skip=CKV_GCP_76:there is no IPv6 in it
  name                     = "${local.cluster_name}-net"
  description              = local.description
  network                  = google_compute_network.this.id
  region                   = var.region
  ip_cidr_range            = "10.0.0.0/20"
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.4.0.0/14"
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = "10.8.0.0/20"
  }
}

# Nodes have no public addresses: this is how they fetch images.
resource "google_compute_router" "this" {
  name        = "${local.cluster_name}-router"
  description = local.description
  network     = google_compute_network.this.id
  region      = var.region
}

resource "google_compute_address" "nat" {
  name         = "${local.cluster_name}-nat"
  region       = var.region
  network_tier = "PREMIUM"
}

resource "google_compute_router_nat" "this" {
  name                               = "nat"
  router                             = google_compute_router.this.name
  region                             = var.region
  nat_ip_allocate_option             = "MANUAL_ONLY"
  nat_ips                            = [google_compute_address.nat.self_link]
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}
