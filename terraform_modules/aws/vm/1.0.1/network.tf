# Only for network = "own": the smallest network with a public address.

resource "aws_vpc" "own" {
  #checkov:skip=CKV2_AWS_11:flow logs cost by volume, for a network of one machine
  count = var.network == "own" ? 1 : 0

  cidr_block           = "10.0.0.0/24"
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# Nothing uses the network's default security group; without rules nothing can.
resource "aws_default_security_group" "own" {
  count = var.network == "own" ? 1 : 0

  vpc_id = aws_vpc.own[0].id
}

resource "aws_subnet" "own" {
  count = var.network == "own" ? 1 : 0

  vpc_id                  = aws_vpc.own[0].id
  cidr_block              = aws_vpc.own[0].cidr_block
  map_public_ip_on_launch = true

  tags = { Name = var.name }
}

resource "aws_internet_gateway" "own" {
  count = var.network == "own" ? 1 : 0

  vpc_id = aws_vpc.own[0].id

  tags = { Name = var.name }
}

resource "aws_route" "internet" {
  count = var.network == "own" ? 1 : 0

  route_table_id         = aws_vpc.own[0].main_route_table_id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.own[0].id
}
