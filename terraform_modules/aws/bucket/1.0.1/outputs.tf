output "name" {
  description = "Name of the bucket in S3."
  value       = aws_s3_bucket.this.id
}

output "url" {
  description = "Address of the bucket; objects are private, so requests to it must be signed."
  value       = "https://${aws_s3_bucket.this.bucket_regional_domain_name}"
}

output "arn" {
  description = "Amazon resource name, for policies."
  value       = aws_s3_bucket.this.arn
}
