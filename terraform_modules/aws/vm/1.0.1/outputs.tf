output "public_ip" {
  description = "Public IPv4 address. It changes when the machine is stopped and started."
  value       = aws_instance.this.public_ip
}

output "private_ip" {
  description = "Address inside its network."
  value       = aws_instance.this.private_ip
}

output "instance_id" {
  description = "EC2's id of the machine."
  value       = aws_instance.this.id
}

output "ssh_command" {
  description = "How to sign in, given the private half of the key and a network that may reach port 22."
  value       = "ssh ${local.image.login}@${aws_instance.this.public_ip}"
}
