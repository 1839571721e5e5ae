mock_provider "google" {
  mock_resource "google_compute_address" {
    defaults = { address = "203.0.113.7" }
  }

  mock_resource "google_service_account" {
    defaults = { email = "vm-web-0123abcd@p.iam.gserviceaccount.com" }
  }
}

variables {
  name          = "web"
  unique_suffix = "0123abcd"
  region        = "europe-west1"
  size          = "small"
  tags          = { "skyvend-resource" = "r-1", "skyvend-organization" = "o-1", "skyvend-run" = "n-1" }
}

run "safe_by_default" {
  command = plan

  assert {
    condition     = google_compute_instance.this.machine_type == "e2-small" && google_compute_instance.this.zone == "europe-west1-b"
    error_message = "A small machine is an e2-small in zone b."
  }

  assert {
    condition     = google_compute_instance.this.shielded_instance_config[0].enable_secure_boot && google_compute_instance.this.shielded_instance_config[0].enable_vtpm && google_compute_instance.this.shielded_instance_config[0].enable_integrity_monitoring
    error_message = "Secure Boot, the virtual TPM and integrity monitoring are on."
  }

  assert {
    condition     = google_compute_instance.this.metadata["block-project-ssh-keys"] == "true" && google_compute_instance.this.metadata["serial-port-enable"] == "FALSE" && google_compute_instance.this.metadata["ssh-keys"] == ""
    error_message = "Nobody can sign in unless a key is given, and no key of the project counts."
  }

  assert {
    condition     = length(google_compute_firewall.ssh) == 0
    error_message = "No port is open unless asked."
  }

  assert {
    condition     = google_compute_disk.this.type == "pd-balanced" && google_compute_disk.this.size == 20 && google_compute_disk.this.image == "ubuntu-os-cloud/ubuntu-2404-lts-amd64"
    error_message = "The disk is a balanced one of 20 GB with Ubuntu 24.04."
  }

  assert {
    condition     = google_service_account.this.account_id == "vm-web-0123abcd" && google_compute_instance.this.service_account[0].scopes == toset(["cloud-platform"])
    error_message = "The machine is nobody but itself."
  }

  assert {
    condition     = google_compute_network.this.description == "skyvend-resource=r-1;skyvend-organization=o-1" && google_service_account.this.description == google_compute_network.this.description && google_compute_subnetwork.this.description == google_compute_network.this.description
    error_message = "What bears no labels says whose it is, and nothing that changes."
  }
}

run "ssh_only_for_those_named" {
  command = plan

  variables {
    allow_ssh_from = ["2001:db8::/32", "203.0.113.0/24", "203.0.113.0/24"]
    ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA you@example.com"
  }

  assert {
    condition = { for family, rule in google_compute_firewall.ssh : family => rule.source_ranges } == {
      ipv4 = toset(["203.0.113.0/24"])
      ipv6 = toset(["2001:db8::/32"])
    }
    error_message = "IPv4 and IPv6 networks have a rule each and are named once."
  }

  assert {
    condition     = alltrue([for rule in google_compute_firewall.ssh : one(rule.allow).protocol == "tcp" && one(rule.allow).ports == tolist(["22"]) && rule.direction == "INGRESS"])
    error_message = "Only port 22 is open."
  }

  assert {
    condition     = google_compute_instance.this.metadata["ssh-keys"] == "ubuntu:${var.ssh_public_key}"
    error_message = "The key is the one given, for the image's user."
  }
}

run "every_size_has_its_type" {
  command = plan

  assert {
    condition = { for name, size in local.sizes : name => size.machine_type } == {
      micro     = "e2-micro"
      small     = "e2-small"
      medium    = "e2-medium"
      large     = "e2-standard-2"
      xlarge    = "e2-standard-4"
      "2xlarge" = "e2-standard-8"
    }
    error_message = "The sizes are the platform's."
  }
}

run "an_arm_type_gets_an_arm_image_without_secure_boot" {
  command = plan

  variables {
    size         = null
    machine_type = "t2a-standard-1"
    image        = "debian-12"
    region       = "us-central1"
    zone         = "us-central1-a"
  }

  assert {
    condition     = google_compute_disk.this.image == "debian-cloud/debian-12-arm64" && google_compute_disk.this.zone == "us-central1-a"
    error_message = "An ARM type needs an ARM image."
  }

  assert {
    condition     = !google_compute_instance.this.shielded_instance_config[0].enable_secure_boot
    error_message = "Shielded VM is for x86."
  }
}

run "the_longest_name_fits" {
  command = plan

  variables {
    name = "abcdefghijklmnopq-abcdefghijklmnopqrst"
  }

  assert {
    condition     = length(google_service_account.this.account_id) <= 30 && length("${local.unique_name}-ssh-ipv4") <= 63 && !strcontains(google_service_account.this.account_id, "--")
    error_message = "Accounts' names have 30 characters, others 63."
  }
}

run "size_and_type_together_are_refused" {
  command = plan

  variables {
    machine_type = "e2-medium"
  }

  expect_failures = [google_compute_instance.this]
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name           = "Web_1"
    unique_suffix  = "UPPER"
    zone           = "europe"
    disk_gb        = 5
    allow_ssh_from = ["everyone"]
  }

  expect_failures = [var.name, var.unique_suffix, var.zone, var.disk_gb, var.allow_ssh_from]
}

run "outputs" {
  assert {
    condition     = output.ssh_command == "ssh ubuntu@203.0.113.7" && output.public_ip == "203.0.113.7"
    error_message = "The command names the image's user."
  }

  assert {
    condition     = output.instance_id == google_compute_instance.this.id
    error_message = "The outputs are the machine's."
  }
}
