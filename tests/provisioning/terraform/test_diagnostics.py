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
