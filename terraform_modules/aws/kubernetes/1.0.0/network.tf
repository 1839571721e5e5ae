# Only without given subnets: the smallest network EKS takes, in two zones.

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:the first two zones are taken, and no subnet moves once it is made
  count = local.makes_network ? 1 : 0

  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

resource "aws_vpc" "own" {
  #checkov:skip=CKV2_AWS_11:flow logs cost by volume; the log of the control plane is kept
  count = local.makes_network ? 1 : 0

  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true

  tags = { Name = local.cluster_name }
}

# Nothing uses the default security group; without rules nothing can.
resource "aws_default_security_group" "own" {
  count = local.makes_network ? 1 : 0

  vpc_id = aws_vpc.own[0].id
}

resource "aws_subnet" "own" {
  #checkov:skip=CKV_AWS_130:nodes need a way out for their images; an address costs a tenth of a NAT gateway, and nothing may come in
  count = local.makes_network ? 2 : 0

  vpc_id                  = aws_vpc.own[0].id
  availability_zone       = data.aws_availability_zones.this[0].names[count.index]
  cidr_block              = cidrsubnet(aws_vpc.own[0].cidr_block, 4, count.index)
  map_public_ip_on_launch = true

  tags = {
    Name                     = "${local.cluster_name}-${count.index + 1}"
    "kubernetes.io/role/elb" = "1" # where load balancers of the cluster go
  }
}

resource "aws_internet_gateway" "own" {
  count = local.makes_network ? 1 : 0

  vpc_id = aws_vpc.own[0].id

  tags = { Name = local.cluster_name }
}

resource "aws_route" "internet" {
  count = local.makes_network ? 1 : 0

  route_table_id         = aws_vpc.own[0].main_route_table_id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.own[0].id
}
