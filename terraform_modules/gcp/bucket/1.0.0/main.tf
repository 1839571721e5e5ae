locals {
  # A bucket's name is unique in the whole world.
  bucket_name = var.unique_suffix == "" ? var.name : "${var.name}-${var.unique_suffix}"
}

resource "google_storage_bucket" "this" {
  #checkov:skip=CKV_GCP_62:who needs a log of every read switches on audit logs in the project
  #checkov:skip=CKV_GCP_78:older versions are kept when asked for; what is deleted can be brought back for days anyway
  name          = local.bucket_name
  location      = upper(var.region)
  storage_class = "STANDARD"

  # Rights are given for the bucket as a whole, and never to everybody.
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Destroying was confirmed by name: objects must not keep the bucket from going.
  force_destroy = true

  # Present in both cases, so that it is switched off again too.
  versioning {
    enabled = var.versioning
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 24 * 60 * 60
  }

  dynamic "lifecycle_rule" {
    for_each = var.expire_after_days > 0 ? [var.expire_after_days] : []

    content {
      action {
        type = "Delete"
      }

      condition {
        age        = lifecycle_rule.value
        with_state = "ANY"
      }
    }
  }

  # Parts of uploads that never ended cost as much as objects.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }

    condition {
      age = 7
    }
  }
}
