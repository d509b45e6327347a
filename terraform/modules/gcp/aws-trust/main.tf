# Functions on AWS as themselves at Google: their roles are known to a pool, so there is no key anywhere.

resource "google_iam_workload_identity_pool" "aws" {
  project                   = var.project
  workload_identity_pool_id = "drawbridge-aws"
  display_name              = "Drawbridge on AWS"
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.aws.workload_identity_pool_id
  workload_identity_pool_provider_id = "aws"

  attribute_mapping = {
    "google.subject"     = "assertion.arn"
    "attribute.aws_role" = "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn"
  }

  aws {
    account_id = var.aws_account
  }
}

locals {
  as_role = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.aws.name}/attribute.aws_role/arn:aws:sts::${var.aws_account}:assumed-role"
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = { for pair in setproduct(var.publisher_roles, var.publishes_to) : join("/", pair) => { role = pair[0], topic = pair[1] } }

  project = var.project
  topic   = each.value.topic
  role    = "roles/pubsub.publisher"
  member  = "${local.as_role}/${each.value.role}"
}

resource "google_storage_bucket_iam_member" "files" {
  for_each = toset(var.objects_in)

  bucket = each.value
  role   = "roles/storage.objectUser"
  member = "${local.as_role}/${var.files_role}"
}
