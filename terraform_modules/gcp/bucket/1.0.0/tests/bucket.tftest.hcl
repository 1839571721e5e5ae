mock_provider "google" {
  mock_resource "google_storage_bucket" {
    defaults = { url = "gs://logs-0123abcd" }
  }
}

variables {
  name          = "logs"
  unique_suffix = "0123abcd"
  region        = "europe-west1"
}

run "safe_by_default" {
  assert {
    condition     = google_storage_bucket.this.name == "logs-0123abcd" && google_storage_bucket.this.location == "EUROPE-WEST1"
    error_message = "The suffix makes the name unique; the bucket lies in one region."
  }

  assert {
    condition     = google_storage_bucket.this.public_access_prevention == "enforced" && google_storage_bucket.this.uniform_bucket_level_access
    error_message = "Nothing can be made public, neither the bucket nor one object."
  }

  assert {
    condition     = !google_storage_bucket.this.versioning[0].enabled && google_storage_bucket.this.soft_delete_policy[0].retention_duration_seconds == 604800
    error_message = "Deleted objects can be brought back for a week; older versions are kept when asked for."
  }

  assert {
    condition     = [for rule in google_storage_bucket.this.lifecycle_rule : one(rule.action).type] == ["AbortIncompleteMultipartUpload"]
    error_message = "Objects stay; unfinished uploads go."
  }

  assert {
    condition     = google_storage_bucket.this.storage_class == "STANDARD" && google_storage_bucket.this.force_destroy
    error_message = "The price is that of standard storage, and objects do not keep it from being destroyed."
  }

  assert {
    condition     = output.name == "logs-0123abcd" && output.url == "https://storage.googleapis.com/logs-0123abcd" && output.id == "gs://logs-0123abcd"
    error_message = "The outputs are the bucket's."
  }
}

run "versions_and_expiry" {
  variables {
    versioning        = true
    expire_after_days = 30
    soft_delete_days  = 0
  }

  assert {
    condition     = google_storage_bucket.this.versioning[0].enabled && google_storage_bucket.this.soft_delete_policy[0].retention_duration_seconds == 0
    error_message = "Versions are kept; nothing is kept of what was deleted."
  }

  assert {
    condition     = one(google_storage_bucket.this.lifecycle_rule[0].action).type == "Delete" && one(google_storage_bucket.this.lifecycle_rule[0].condition).age == 30
    error_message = "Objects go after 30 days."
  }
}

run "bad_values_are_refused" {
  command = plan

  variables {
    name              = "my-google-bucket"
    unique_suffix     = "UPPER"
    expire_after_days = 1.5
    soft_delete_days  = 3
  }

  expect_failures = [var.name, var.unique_suffix, var.expire_after_days, var.soft_delete_days]
}
