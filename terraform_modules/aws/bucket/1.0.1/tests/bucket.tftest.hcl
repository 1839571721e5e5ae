mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = {
      arn                         = "arn:aws:s3:::logs-0123abcd"
      bucket_regional_domain_name = "logs-0123abcd.s3.eu-west-1.amazonaws.com"
    }
  }
}

variables {
  name          = "logs"
  unique_suffix = "0123abcd"
  region        = "eu-west-1"
  tags          = { "skyvend-resource" = "r-1" }
}

run "safe_by_default" {
  assert {
    condition     = aws_s3_bucket.this.bucket == "logs-0123abcd"
    error_message = "The suffix makes the name unique."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All public access is blocked."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "Connections without TLS are denied."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Access lists are off."
  }

  assert {
    condition     = length(aws_s3_bucket_versioning.this) == 0 && length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "Nothing is kept twice and nothing expires unless asked."
  }

  assert {
    condition     = output.url == "https://logs-0123abcd.s3.eu-west-1.amazonaws.com"
    error_message = "The address is the bucket's own."
  }
}

run "versions_and_expiry" {
  command = plan

  variables {
    versioning        = true
    expire_after_days = 30
  }

  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "Versioning is on."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this[0].rule[0].expiration[0].days == 30
    error_message = "Objects expire after 30 days."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this[0].rule[0].noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "Older versions do not stay for ever."
  }
}

run "without_a_suffix_the_name_is_taken_as_it_is" {
  command = plan

  variables {
    unique_suffix = ""
  }

  assert {
    condition     = aws_s3_bucket.this.bucket == "logs"
    error_message = "No hyphen without a suffix."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name              = "-logs"
    unique_suffix     = "UPPER"
    expire_after_days = -1
  }

  expect_failures = [var.name, var.unique_suffix, var.expire_after_days]
}
