import pytest

from provisioning.terraform.diagnostics import explain, explain_text
from provisioning.terraform.messages import Event, EventKind
from provisioning.terraform.process import Ended


def ended(returncode: int = 1, *, canceled: bool = False, killed_for: str = "", stderr: str = "") -> Ended:
    return Ended(returncode, canceled, killed_for, stderr)


def error(summary: str, detail: str = "", address: str = "aws_instance.this") -> Event:
    data = {"severity": "error", "summary": summary, "detail": detail, "address": address}
    return Event(EventKind.DIAGNOSTIC, summary, "error", data)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("api error InvalidClientTokenId: The security token included in the request is invalid.", "bad_credentials"),
        ("api error AuthFailure: AWS was not able to validate the provided access credentials", "bad_credentials"),
        ("api error UnauthorizedOperation: You are not authorized to perform: ec2:RunInstances", "access_denied"),
        ("api error AccessDenied: Access Denied", "access_denied"),
        ("api error VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit", "quota"),
        ("api error InsufficientInstanceCapacity: We currently do not have sufficient capacity", "capacity"),
        ("api error BucketAlreadyExists: The requested bucket name is not available", "name_exists"),
        ("api error InvalidKeyPair.Duplicate: The keypair already exists", "name_exists"),
        ("api error InvalidAMIID.NotFound: The image id '[ami-1]' does not exist", "image"),
        ("Your query returned no results. Please change your search criteria and try again.", "image"),
        ("api error DependencyViolation: resource sg-1 has a dependent object", "dependency"),
        ("api error RequestLimitExceeded: Request limit exceeded.", "throttled"),
        ("dial tcp: lookup ec2.eu-west-1.amazonaws.com: no such host", "network"),
        ("timeout while waiting for state to become 'running' (last state: 'pending', timeout: 10m0s)", "timeout"),
        ("Invalid value for variable", "input"),
        ("api error VPCIdNotSpecified: No default VPC for this user", "no_network"),
        ("clientCredentialsToken: 401: AADSTS7000215: Invalid client secret provided.", "bad_credentials"),
        ('oauth2: "invalid_grant" "Invalid JWT Signature."', "bad_credentials"),
        ("JSON credentials are not valid: invalid character", "bad_credentials"),
        ("unexpected status 403 (403 Forbidden) with error: AuthorizationFailed: The client", "access_denied"),
        ("googleapi: Error 403: Required 'compute.instances.create' permission for 'projects/p'", "access_denied"),
        ("googleapi: Error 403: Compute Engine API has not been used in project 1 before", "api_disabled"),
        ("409 Conflict: MissingSubscriptionRegistration: not registered to use namespace", "api_disabled"),
        ("OperationNotAllowed: exceeding approved Total Regional Cores quota. Current Limit: 6", "quota"),
        ("googleapi: Error 403: Quota 'CPUS' exceeded. Limit: 8.0 in region europe-west1., quotaExceeded", "quota"),
        ("SkuNotAvailable: The requested size is currently not available in location", "capacity"),
        ("ZONE_RESOURCE_POOL_EXHAUSTED: The zone does not have enough resources", "capacity"),
        ('A resource with the ID "/x" already exists - to be managed via Terraform this', "name_exists"),
        ("googleapi: Error 409: The resource 'projects/p/x' already exists, alreadyExists", "name_exists"),
        ("StorageAccountAlreadyTaken: The storage account named x is already taken.", "name_exists"),
        ("PlatformImageNotFound: The platform image is not available", "image"),
        ("InUseSubnetCannotBeDeleted: Subnet default is in use by /x and cannot be deleted", "dependency"),
        ("The subnetwork resource is already being used by 'x', resourceInUseByAnotherResource", "dependency"),
        ('performing CreateOrUpdate: Put "https://management.azure.com/x": EOF', "network"),
    ],
)
def test_what_clouds_say_is_recognised(said: str, code: str) -> None:
    explained = explain(ended(), [error("creating something", said)])

    assert explained.code == code
    assert said in explained.cloud_message
    assert explained.summary
    assert explained.advice
    assert explained.address == "aws_instance.this"


def test_what_no_pattern_knows_is_said_in_words_not_in_request_ids() -> None:
    said = "operation error EC2: X, RequestID: 59kq, api error InvalidPermission.Duplicate: The rule exists"

    explained = explain(ended(), [error(said)])

    assert (explained.summary, explained.code) == ("The cloud refused one of the steps.", "failed")
    assert explained.cloud_message == said


def test_a_missing_permission_is_named() -> None:
    said = "User: arn:aws:iam::1:user/x is not authorized to perform: s3:CreateBucket on resource: arn:aws:s3:::b"

    explained = explain(ended(), [error("creating S3 Bucket", said)])

    assert explained.summary == "The keys of this cloud account may not do s3:CreateBucket."
    assert "Allow s3:CreateBucket" in explained.advice


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (
            "The client does not have authorization to perform action 'Microsoft.Compute/virtualMachines/write' over",
            "The credentials of this cloud account may not do Microsoft.Compute/virtualMachines/write.",
        ),
        (
            "Error 403: Required 'compute.instances.create' permission for 'projects/p/zones/z/instances/x'",
            "The credentials of this cloud account may not do compute.instances.create.",
        ),
        (
            "Error 403: SERVICE_DISABLED: visit https://console.developers.google.com/apis/api/container.googleapis.com",
            "The API container.googleapis.com is not enabled in this Google Cloud project.",
        ),
    ],
)
def test_what_is_missing_on_azure_and_google_is_named(said: str, named: str) -> None:
    assert explain(ended(), [error("creating", said)]).summary == named


def test_the_first_error_explains_and_all_are_kept() -> None:
    explained = explain(ended(stderr="more"), [error("first thing", "one"), error("second thing", "two")])

    assert (explained.summary, explained.code) == ("first thing", "failed")
    assert explained.raw == "first thing\none\n\nsecond thing\ntwo\n\nmore"


@pytest.mark.parametrize(("limit", "code"), [("time", "run_timeout"), ("memory", "run_memory"), ("disk", "run_disk")])
def test_a_limit_explains_before_any_error(limit: str, code: str) -> None:
    assert explain(ended(killed_for=limit), [error("context canceled")]).code == code


def test_a_cancel_explains_before_any_error() -> None:
    assert explain(ended(canceled=True), [error("execution halted")]).code == "canceled"


def test_an_engine_that_says_nothing_is_said_so() -> None:
    explained = explain(ended(-9, stderr="killed"), [])

    assert (explained.code, explained.cloud_message) == ("engine", "killed")
    assert "signal 9" in explained.summary


def test_what_init_says_is_explained_too() -> None:
    assert explain_text("Error: could not connect: connection refused").code == "network"
    assert explain_text("").summary == "The engine failed."


def test_an_explanation_is_json_with_every_key_the_page_shows() -> None:
    keys = set(explain(ended(), [error("x")]).as_dict())

    assert keys == {"summary", "advice", "cloud_message", "raw", "address", "code"}
