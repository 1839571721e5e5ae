mock_provider "aws" {
  mock_data "aws_ami" {
    defaults = {
      id = "ami-0123456789abcdef0"
    }
  }
}

variables {
  name   = "web"
  region = "eu-west-1"
  size   = "small"
  tags   = { "skyvend-resource" = "r-1" }
}

run "safe_by_default" {
  command = plan

  assert {
    condition     = aws_instance.this.instance_type == "t3.small"
    error_message = "A small machine is a t3.small."
  }

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required"
    error_message = "Only IMDSv2 may answer."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted && aws_instance.this.root_block_device[0].volume_type == "gp3"
    error_message = "The disk is encrypted gp3."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].volume_size == 20
    error_message = "The disk has 20 GB."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].tags["skyvend-resource"] == "r-1"
    error_message = "The disk carries the tags too."
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0
    error_message = "No port is open unless asked."
  }

  assert {
    condition     = length(aws_key_pair.this) == 0 && length(aws_vpc.own) == 0
    error_message = "Nothing is made that was not asked for."
  }
}

run "ssh_only_for_those_named" {
  command = plan

  variables {
    allow_ssh_from = ["2001:db8::/32", "203.0.113.0/24", "203.0.113.0/24"]
    ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
  }

  assert {
    condition     = [for rule in aws_security_group.this.ingress : [rule.from_port, rule.to_port]] == [[22, 22]]
    error_message = "Only port 22 is open."
  }

  assert {
    condition     = one(aws_security_group.this.ingress).cidr_blocks == tolist(["203.0.113.0/24"])
    error_message = "IPv4 networks are named once."
  }

  assert {
    condition     = one(aws_security_group.this.ingress).ipv6_cidr_blocks == tolist(["2001:db8::/32"])
    error_message = "IPv6 networks are kept apart."
  }

  assert {
    condition     = length(aws_key_pair.this) == 1
    error_message = "The key is registered."
  }
}

run "exact_type_and_own_network" {
  command = plan

  variables {
    size         = null
    machine_type = "m7g.large"
    image        = "debian-12"
    network      = "own"
  }

  assert {
    condition     = aws_instance.this.instance_type == "m7g.large" && local.arch == "arm64"
    error_message = "A Graviton type is arm64."
  }

  assert {
    condition     = length(aws_vpc.own) == 1 && aws_route.internet[0].destination_cidr_block == "0.0.0.0/0"
    error_message = "The network of its own reaches the internet."
  }
}

run "other_families_are_x86" {
  command = plan

  variables {
    size         = null
    machine_type = "g4dn.xlarge"
  }

  assert {
    condition     = local.arch == "x86_64"
    error_message = "A g before the generation number is no Graviton."
  }
}

run "size_and_type_together_are_refused" {
  command = plan

  variables {
    machine_type = "t3.large"
  }

  expect_failures = [aws_instance.this]
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name           = "Web_1"
    disk_gb        = 4
    allow_ssh_from = ["everyone"]
    network        = "none"
  }

  expect_failures = [var.name, var.disk_gb, var.allow_ssh_from, var.network]
}

run "outputs" {
  assert {
    condition     = output.ssh_command == "ssh ubuntu@${aws_instance.this.public_ip}"
    error_message = "The command names the image's user."
  }

  assert {
    condition     = output.instance_id == aws_instance.this.id && output.private_ip == aws_instance.this.private_ip
    error_message = "The outputs are the machine's."
  }
}
