# A network of the machine's own: the default one of a project lets in SSH from everywhere.

locals {
  # A rule of Google's takes networks of one kind only.
  ssh_from = {
    for family, blocks in {
      ipv4 = [for block in var.allow_ssh_from : block if !strcontains(block, ":")]
      ipv6 = [for block in var.allow_ssh_from : block if strcontains(block, ":")]
    } : family => distinct(blocks) if length(blocks) > 0
  }
}

resource "google_compute_network" "this" {
  name                    = "${local.unique_name}-net"
  description             = local.description
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "this" {
  #checkov:skip=CKV_GCP_26:the log of every connection costs more than the machine; who needs it switches it on
  #checkov:skip=CKV_GCP_76:there is no IPv6 in it
  name                     = "${local.unique_name}-net"
  description              = local.description
  network                  = google_compute_network.this.id
  region                   = var.region
  ip_cidr_range            = "10.0.0.0/24"
  private_ip_google_access = true
}

# No port is open unless asked: without a rule Google lets nothing in.
resource "google_compute_firewall" "ssh" {
  #checkov:skip=CKV_GCP_2:who asks says which networks may reach SSH
  for_each = local.ssh_from

  name          = "${local.unique_name}-ssh-${each.key}"
  description   = local.description
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  source_ranges = each.value

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

resource "google_compute_address" "this" {
  name         = "${local.unique_name}-ip"
  region       = var.region
  network_tier = "PREMIUM"
}
