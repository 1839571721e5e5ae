output "public_ip" {
  description = "Public IPv4 address. It stays until the machine is destroyed."
  value       = google_compute_address.this.address
}

output "private_ip" {
  description = "Address inside its network."
  value       = google_compute_instance.this.network_interface[0].network_ip
}

output "instance_id" {
  description = "Google's resource name of the machine."
  value       = google_compute_instance.this.id
}

output "ssh_command" {
  description = "How to sign in, given the private half of the key and a network that may reach port 22."
  value       = "ssh ${local.image.login}@${google_compute_address.this.address}"
}
