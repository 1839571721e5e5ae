locals {
  machine_type = var.machine_type != null ? var.machine_type : try(local.sizes[var.size].machine_type, "")
  # Graviton families carry a "g" after their generation number (t4g, m7gd, im4gn); the first one was a1.
  arch  = can(regex("^(a1|[a-z]+[0-9]+g[a-z]*)[.]", local.machine_type)) ? "arm64" : "x86_64"
  image = local.images[var.image]
}

data "aws_ami" "this" {
  most_recent = true
  owners      = [local.image.owner]

  filter {
    name   = "name"
    values = [local.image.names[local.arch]]
  }

  filter {
    name   = "architecture"
    values = [local.arch]
  }
}

# No port is open unless asked. The rules are given as a list, so that an empty list closes what was open before.
resource "aws_security_group" "this" {
  #checkov:skip=CKV_AWS_382:a machine that may not call out cannot even install its updates
  name_prefix = "${var.name}-"
  description = "Traffic of ${var.name}"
  vpc_id      = one(aws_vpc.own[*].id)

  ingress = length(var.allow_ssh_from) == 0 ? [] : [{
    description      = "SSH"
    protocol         = "tcp"
    from_port        = 22
    to_port          = 22
    cidr_blocks      = sort(distinct([for block in var.allow_ssh_from : block if !strcontains(block, ":")]))
    ipv6_cidr_blocks = sort(distinct([for block in var.allow_ssh_from : block if strcontains(block, ":")]))
    prefix_list_ids  = []
    security_groups  = []
    self             = false
  }]

  egress {
    description      = "Out to anywhere"
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_key_pair" "this" {
  count = var.ssh_public_key == "" ? 0 : 1

  key_name_prefix = "${var.name}-"
  public_key      = var.ssh_public_key
}

resource "aws_instance" "this" {
  #checkov:skip=CKV_AWS_135:every current family is EBS-optimised by itself, and t2 refuses the flag
  #checkov:skip=CKV_AWS_126:detailed monitoring costs extra; the usual five minutes are kept
  #checkov:skip=CKV2_AWS_41:the machine needs nothing of AWS, so it gets no role to lose
  ami                    = data.aws_ami.this.id
  instance_type          = local.machine_type
  key_name               = one(aws_key_pair.this[*].key_name)
  subnet_id              = one(aws_subnet.own[*].id)
  vpc_security_group_ids = [aws_security_group.this.id]

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.disk_gb
    encrypted             = true
    delete_on_termination = true
    tags                  = merge(var.tags, { Name = var.name })
  }

  tags = { Name = var.name }

  # Without the route the machine boots cut off and its first package installation fails.
  depends_on = [aws_route.internet]

  lifecycle {
    # A newer release of the image must not replace a running machine.
    ignore_changes = [ami]

    precondition {
      condition     = (var.size == null) != (var.machine_type == null)
      error_message = "Give either size or machine_type."
    }
  }
}
