resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV2_AWS_62:nobody listens to events of a bucket that was just ordered
  #checkov:skip=CKV_AWS_18:an access log needs a second bucket, which nobody ordered
  #checkov:skip=CKV_AWS_144:a copy in another region doubles the price; who needs it orders a second bucket
  #checkov:skip=CKV_AWS_145:S3 encrypts with keys of its own (AES-256); a KMS key is charged for every request
  bucket        = var.unique_suffix == "" ? var.name : "${var.name}-${var.unique_suffix}"
  force_destroy = true # destroying the bucket deletes every object in it; whoever asks for it must say so first

  tags = { Name = var.name }
}

# The parts below hang on the bucket alone, so they are made side by side.

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncryptedConnections"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# Present only while versioning is on: removing it suspends versioning, the only way back that S3 knows.
resource "aws_s3_bucket_versioning" "this" {
  count = var.versioning ? 1 : 0

  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = var.expire_after_days > 0 ? 1 : 0

  bucket = aws_s3_bucket.this.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.expire_after_days
    }

    noncurrent_version_expiration {
      noncurrent_days = var.expire_after_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}
