locals {
  machine_type = var.machine_type != null ? var.machine_type : try(local.sizes[var.size].machine_type, "")
  # The ARM families of Compute Engine.
  arch  = can(regex("^(t2a|c4a)-", local.machine_type)) ? "arm64" : "x86_64"
  image = local.images[var.image]
  zone  = var.zone != "" ? var.zone : "${var.region}-b"
  # What bears no labels says in its description whose it is. Only what stays the same for life: another description
  # would be another network.
  marks       = [for key in ["skyvend-resource", "skyvend-organization"] : "${key}=${var.tags[key]}" if contains(keys(var.tags), key)]
  description = length(local.marks) == 0 ? "Made by Terraform." : join(";", local.marks)
  # The names of networks and accounts are unique in a project.
  unique_name = var.unique_suffix == "" ? var.name : "${var.name}-${var.unique_suffix}"
  account_id  = "vm-${substr(var.name, 0, 18)}-${var.unique_suffix == "" ? "0" : var.unique_suffix}"
}

# Whom the machine is when it calls Google's APIs: nobody who may do anything, until somebody gives this account a role.
resource "google_service_account" "this" {
  account_id   = replace(local.account_id, "--", "-")
  display_name = "Machine ${var.name}"
  description  = local.description
}

# A disk of its own, because the one that comes with a machine cannot grow without making the machine anew.
resource "google_compute_disk" "this" {
  #checkov:skip=CKV_GCP_37:encrypted with Google's own keys; keys of one's own would have to be managed first
  name  = "${local.unique_name}-os"
  zone  = local.zone
  type  = "pd-balanced"
  size  = var.disk_gb
  image = "${local.image.project}/${local.image.families[local.arch]}"

  lifecycle {
    # A newer release of the image must not replace the disk of a running machine.
    ignore_changes = [image]
  }
}

resource "google_compute_instance" "this" {
  #checkov:skip=CKV_GCP_38:encrypted with Google's own keys; keys of one's own would have to be managed first
  #checkov:skip=CKV_GCP_40:a machine with a public address is what is ordered; no port is open unless asked
  name                      = local.unique_name
  zone                      = local.zone
  machine_type              = local.machine_type
  allow_stopping_for_update = true

  boot_disk {
    source      = google_compute_disk.this.id
    device_name = "os"
    auto_delete = false # Terraform deletes it, after the machine
  }

  network_interface {
    subnetwork = google_compute_subnetwork.this.id

    access_config {
      nat_ip       = google_compute_address.this.address
      network_tier = "PREMIUM"
    }
  }

  # Keys of the whole project do not count here, and nobody gets in through the serial port.
  metadata = {
    "block-project-ssh-keys"   = "true"
    "disable-legacy-endpoints" = "true"
    "enable-oslogin"           = "FALSE"
    "serial-port-enable"       = "FALSE"
    "ssh-keys"                 = var.ssh_public_key == "" ? "" : "${local.image.login}:${trimspace(var.ssh_public_key)}"
  }

  service_account {
    email  = google_service_account.this.email
    scopes = ["cloud-platform"] # what it may do is said by the account's roles: none
  }

  # Google has Shielded VM for the x86 machines.
  shielded_instance_config {
    enable_secure_boot          = local.arch == "x86_64"
    enable_vtpm                 = local.arch == "x86_64"
    enable_integrity_monitoring = local.arch == "x86_64"
  }

  # Before its firewall is there the machine must not be.
  depends_on = [google_compute_firewall.ssh]

  lifecycle {
    precondition {
      condition     = (var.size == null) != (var.machine_type == null)
      error_message = "Give either size or machine_type."
    }
  }
}
