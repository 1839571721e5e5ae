"""What a cloud refuses or loses: the page says why in words, and the same resource is tried again and destroyed."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.e2e.stack import Stack

AWS, AZURE, GCP = "eu-west-1", "westeurope", "europe-west1"
IP_OF_AZURE, IP_OF_GCP = "azurerm_public_ip", "google_compute_address"


@dataclass(frozen=True)
class Case:
    """One order and the fault it meets: ``code`` is what the platform calls it, ``words`` stand on the page."""

    offering: str
    region: str
    type: str
    fault: dict[str, Any]
    code: str
    words: str
    operation: str = "create"
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """What the page repeats of the cloud's own words. Of S3's typed errors the provider itself drops the text."""
        code, message = str(self.fault.get("code", "")), str(self.fault.get("message", ""))
        return code if code == "BucketAlreadyExists" else message

    @property
    def provider(self) -> str:
        return self.offering.partition("/")[0]


def aws(offering: str, call: str, code: str, status: int, message: str, expected: str, words: str) -> Case:
    """AWS's own status, code and text for a call ("ec2:RunInstances")."""
    service, operation = call.split(":")
    fault = {"status": status, "code": code, "message": message}
    return Case(offering, AWS, service, fault, expected, words, operation)


def azure(status: int, message: str, expected: str, words: str) -> Case:
    return Case("azure/vm", AZURE, IP_OF_AZURE, {"status": status, "message": message}, expected, words)


def gcp(status: int, message: str, expected: str, words: str) -> Case:
    return Case("gcp/vm", GCP, IP_OF_GCP, {"status": status, "message": message}, expected, words)


CAUSES = {
    "connection": [
        Case("aws/bucket", AWS, "s3", {"action": "drop_after"}, "name_exists", "name already exists", "CreateBucket"),
        Case("azure/vm", AZURE, IP_OF_AZURE, {"action": "drop_after"}, "network", "could not be reached"),
        Case("gcp/vm", GCP, IP_OF_GCP, {"action": "drop_after"}, "network", "could not be reached"),
    ],
    "quota": [
        aws(
            "aws/vm",
            "ec2:RunInstances",
            "VcpuLimitExceeded",
            400,
            "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket "
            "that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request "
            "to request an adjustment to this limit.",
            "quota",
            "quota of the cloud account is used up",
        ),
        azure(409, "exceeding approved Total Regional Cores quota", "quota", "quota of the cloud account is used up"),
        gcp(403, "Quota 'CPUS' exceeded.  Limit: 24.0 in region europe-west1.", "quota", "quota of the cloud account"),
    ],
    "credentials": [
        aws(
            "aws/vm",
            "ec2:DescribeImages",
            "AuthFailure",
            401,
            "AWS was not able to validate the provided access credentials",
            "bad_credentials",
            "refused the keys",
        ),
        azure(401, "AADSTS7000222: The provided client secret keys are expired", "bad_credentials", "refused the keys"),
        gcp(401, "googleapi: Error 401: Invalid Credentials, authError", "bad_credentials", "refused the keys"),
    ],
    "name": [
        aws(
            "aws/bucket",
            "s3:CreateBucket",
            "BucketAlreadyExists",
            409,
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again.",
            "name_exists",
            "order under another name",
        ),
        azure(409, "A resource with the ID already exists", "name_exists", "order under another name"),
        gcp(409, "googleapi: Error 409: The resource already exists", "name_exists", "order under another name"),
    ],
}
REFUSALS = {  # trying again needs somebody to change something in the cloud first: destroyed without it
    "permission": [
        aws(
            "aws/vm",
            "ec2:RunInstances",
            "UnauthorizedOperation",
            403,
            "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/skyvend is not "
            "authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:eu-west-1:123456789012:instance/* "
            "because no identity-based policy allows the ec2:RunInstances action",
            "access_denied",
            "may not do ec2:RunInstances",
        ),
        azure(
            403,
            "AuthorizationFailed: The client 'x' with object id 'y' does not have authorization to perform action "
            "'Microsoft.Network/publicIPAddresses/write' over scope '/subscriptions/z'",
            "access_denied",
            "may not do Microsoft.Network/publicIPAddresses/write",
        ),
        gcp(
            403,
            "googleapi: Error 403: Required 'compute.addresses.create' permission for 'projects/p/x', forbidden",
            "access_denied",
            "may not do compute.addresses.create",
        ),
    ],
    "expired": [
        aws(
            "aws/bucket",
            "s3:CreateBucket",
            "ExpiredToken",
            400,
            "The provided token has expired.",
            "bad_credentials",
            "Replace the account's keys",
        ),
        azure(
            409,
            "MissingSubscriptionRegistration: The subscription is not registered to use namespace 'Microsoft.Network'",
            "api_disabled",
            "not switched on",
        ),
        gcp(
            403,
            "googleapi: Error 403: Compute Engine API (compute.googleapis.com) has not been used in project 1 before "
            "or it is disabled., accessNotConfigured",
            "api_disabled",
            "compute.googleapis.com is not enabled",
        ),
    ],
}


def order(stack: Stack, api: httpx.Client, name: str, case: Case) -> dict[str, Any]:
    """Plant the case's fault and order into it."""
    stack.control(case.provider, "POST", "faults", {"type": case.type, "operation": case.operation, **case.fault})
    size = {"size": "small"} if case.offering.endswith("vm") else {}
    return stack.order(api, f"{name}-{case.provider}", case.offering, region=case.region, **size, **case.inputs)


def words_of(page: httpx.Response) -> str:
    """What stands on a page, without its markup."""
    assert page.status_code == 200
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def fail_all(stack: Stack, api: httpx.Client, name: str, cases: list[Case]) -> list[str]:
    """Order every case at once and see each of them fail as it should; the resources' ids."""
    ordered = [order(stack, api, name, case) for case in cases]
    for case, one in zip(cases, ordered, strict=True):
        failed = stack.wait_for_run(api, one["run"]["id"])
        assert (failed["status"], (failed["error"] or {}).get("code")) == ("failed", case.code), (case, failed["error"])
        page = words_of(stack.pages().get(f"/resources/{one['id']}/"))
        for words in (case.words, failed["error"]["summary"], failed["error"]["advice"], case.said):
            assert re.sub(r"\s+", " ", words) in page
        assert api.get(f"/resources/{one['id']}").json()["status"] == "failed"
    return [str(one["id"]) for one in ordered]


def all_end_well(stack: Stack, api: httpx.Client, answers: list[httpx.Response]) -> None:
    for answer in answers:
        assert answer.status_code == 202, answer.text
        assert stack.wait_for_run(api, answer.json()["run"]["id"])["error"] is None


def destroy_all(stack: Stack, api: httpx.Client, cases: list[Case], ids: list[str]) -> None:
    all_end_well(stack, api, [api.delete(f"/resources/{one}") for one in ids])
    assert [stack.tagged(case.provider, one) for case, one in zip(cases, ids, strict=True)] == [[] for _ in ids]


@pytest.mark.parametrize("cause", CAUSES)
def test_after_a_fault_the_same_order_is_tried_again_and_destroyed(stack: Stack, cause: str) -> None:
    cases = CAUSES[cause]
    with stack.api() as api:
        ids = fail_all(stack, api, cause, cases)
        all_end_well(stack, api, [api.post(f"/resources/{one}/actions/retry") for one in ids])
        assert {api.get(f"/resources/{one}").json()["status"] for one in ids} == {"active"}
        destroy_all(stack, api, cases, ids)


@pytest.mark.parametrize("cause", REFUSALS)
def test_what_the_cloud_refuses_is_named_and_what_was_made_until_then_is_destroyed(stack: Stack, cause: str) -> None:
    with stack.api() as api:
        destroy_all(stack, api, REFUSALS[cause], fail_all(stack, api, cause, REFUSALS[cause]))


def test_an_answer_lost_after_the_work_leaves_nothing_twice_on_aws(stack: Stack) -> None:
    """A machine's call names itself, so its repetition is harmless; a security group's does not, and is adopted."""
    for call in ("RunInstances", "CreateSecurityGroup"):
        fault = {"type": "ec2", "operation": call, "action": "drop_after"}
        stack.control("aws", "POST", "faults", fault)
    ec2 = stack.aws("ec2", AWS)
    with stack.api() as api:
        ordered = stack.order(api, "lost-answers", "aws/vm", region=AWS, size="small")
        tag = [{"Name": "tag:skyvend-resource", "Values": [ordered["id"]]}]
        failed = stack.wait_for_run(api, ordered["run"]["id"])
        assert failed["error"]["code"] == "name_exists", failed["error"]

        all_end_well(stack, api, [api.post(f"/resources/{ordered['id']}/actions/retry")])

        groups = ec2.describe_security_groups(Filters=tag)["SecurityGroups"]
        machines = ec2.describe_instances(Filters=tag)["Reservations"]
        assert (len(groups), len(machines)) == (1, 1)
        all_end_well(stack, api, [api.delete(f"/resources/{ordered['id']}")])
        assert stack.tagged("aws", ordered["id"]) == []
