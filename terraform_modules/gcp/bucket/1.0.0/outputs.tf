output "name" {
  description = "Name of the bucket."
  value       = google_storage_bucket.this.name
}

output "url" {
  description = "Address for programs; objects are private, so requests must carry a token."
  value       = "https://storage.googleapis.com/${google_storage_bucket.this.name}"
}

output "id" {
  description = "Address for gcloud storage and for Google's libraries."
  value       = google_storage_bucket.this.url
}
