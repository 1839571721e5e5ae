"""A program orders over the API; moto is asked at each step whether the cloud agrees."""

import json

import pytest
from websockets.sync.client import connect

from tests.e2e.stack import Stack

TAG_KEYS = {"skyvend-organization", "skyvend-resource", "skyvend-run"}


def tags_of(described: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described if tag["Key"] in TAG_KEYS}


def socket_messages(stack: Stack, run_id: str) -> list[dict]:
    url = stack.url.replace("http", "ws", 1) + f"/ws/runs/{run_id}?format=json&after=0"
    headers = {"Authorization": f"Token {stack.demo['token']}"}
    with connect(url, additional_headers=headers, proxy=None) as socket:
        return [json.loads(message) for message in socket]


def bucket_exists(stack: Stack, name: str) -> bool:
    return name in [bucket["Name"] for bucket in stack.aws("s3").list_buckets()["Buckets"]]


def test_a_bucket_is_ordered_changed_and_destroyed_and_the_cloud_agrees_at_each_step(stack: Stack) -> None:
    with stack.api() as api:
        ordered = stack.order(api, "api-bucket", "aws/bucket", region="us-east-1", versioning=False)
        assert ordered["status"] == "pending"
        assert ordered["run"]["status"] == "queued"
        run = stack.wait_for_run(api, ordered["run"]["id"])
        assert (run["status"], run["error"]) == ("succeeded", None)

        resource = api.get(f"/resources/{ordered['id']}").json()
        assert resource["status"] == "active"
        name = resource["outputs"]["name"]
        s3 = stack.aws("s3")
        assert tags_of(s3.get_bucket_tagging(Bucket=name)["TagSet"]) == {
            "skyvend-organization": api.get("/me").json()["organizations"][0]["id"],
            "skyvend-resource": ordered["id"],
            "skyvend-run": ordered["run"]["id"],
        }
        assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True

        events = stack.events(api, ordered["run"]["id"])
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        messages = socket_messages(stack, ordered["run"]["id"])
        assert messages == [*events, {"kind": "end"}]

        changed = api.patch(f"/resources/{ordered['id']}", json={"inputs": {"versioning": True}})
        assert changed.status_code == 202, changed.text
        assert stack.wait_for_run(api, changed.json()["run"]["id"])["status"] == "succeeded"
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"

        destroying = api.delete(f"/resources/{ordered['id']}")
        assert destroying.status_code == 202, destroying.text
        assert stack.wait_for_run(api, destroying.json()["run"]["id"])["status"] == "succeeded"
        assert api.get(f"/resources/{ordered['id']}").json()["status"] == "destroyed"
        assert bucket_exists(stack, name) is False


def test_a_vm_is_ordered_resized_and_destroyed_and_its_hold_released(stack: Stack) -> None:
    with stack.api() as api:
        held_before = api.get("/billing/balance").json()["held"]
        ordered = stack.order(api, "api-vm", "aws/vm", region="us-east-1", size="micro")
        assert api.get("/billing/balance").json()["held"] != held_before
        assert stack.wait_for_run(api, ordered["run"]["id"])["status"] == "succeeded"
        outputs = api.get(f"/resources/{ordered['id']}").json()["outputs"]
        ec2 = stack.aws("ec2")

        def instances() -> list[dict]:
            live = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
            tagged = [{"Name": "tag:skyvend-resource", "Values": [ordered["id"]]}, *live]
            found = ec2.describe_instances(Filters=tagged)["Reservations"]
            return [instance for reservation in found for instance in reservation["Instances"]]

        [made] = instances()
        assert made["InstanceId"] == outputs["instance_id"]
        assert made["PublicIpAddress"] == outputs["public_ip"]
        assert made["InstanceType"] == "t3.micro"
        assert made["MetadataOptions"]["HttpTokens"] == "required"
        assert tags_of(made["Tags"])["skyvend-resource"] == ordered["id"]

        resized = api.patch(f"/resources/{ordered['id']}", json={"inputs": {"size": "small"}})
        assert resized.status_code == 202, resized.text
        assert stack.wait_for_run(api, resized.json()["run"]["id"])["status"] == "succeeded"
        assert [(each["InstanceId"], each["InstanceType"]) for each in instances()] == [
            (outputs["instance_id"], "t3.small")
        ]

        destroying = api.delete(f"/resources/{ordered['id']}")
        assert stack.wait_for_run(api, destroying.json()["run"]["id"])["status"] == "succeeded"
        assert instances() == []
        assert api.get("/billing/balance").json()["held"] == held_before


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"size": "micro"}, "inputs.region"),
        ({"region": "us-east-1", "size": "enormous"}, "inputs.size"),
        ({"region": "us-east-1", "size": "micro", "allow_ssh_from": ["anyone"]}, "inputs.allow_ssh_from"),
        ({"region": "us-east-1", "size": "micro", "endpoint_url": "http://169.254.169.254"}, "inputs.endpoint_url"),
    ],
)
def test_a_bad_input_is_named_and_nothing_is_ordered(stack: Stack, inputs: dict, field: str) -> None:
    with stack.api() as api:
        before = api.get("/resources").json()["count"]
        body = {"name": "bad", "offering": "aws/vm", "cloud_account": stack.cloud_account(), "inputs": inputs}
        answer = api.post("/resources", json=body)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert any(error["field"].startswith(field) for error in answer.json()["errors"])
        assert api.get("/resources").json()["count"] == before


def test_an_order_beyond_the_credit_is_refused_and_a_repeated_key_orders_once(stack: Stack) -> None:
    with stack.api() as api:
        body = {
            "name": "too-big",
            "offering": "aws/vm",
            "cloud_account": stack.cloud_account(),
            "inputs": {"region": "us-east-1", "machine_type": "m5.4xlarge"},
        }
        refused = api.post("/resources", json=body)
        assert (refused.status_code, refused.json()["status"]) == (402, 402)

        body = {**body, "name": "once", "offering": "aws/bucket", "inputs": {"region": "us-east-1"}}
        first = api.post("/resources", json=body, headers={"Idempotency-Key": "once-only"})
        second = api.post("/resources", json=body, headers={"Idempotency-Key": "once-only"})
        assert (first.status_code, second.status_code) == (202, 202)
        assert first.json()["run"]["id"] == second.json()["run"]["id"]
        taken = api.post("/resources", json=body)
        assert taken.status_code == 409
        stack.wait_for_run(api, first.json()["run"]["id"])
        stack.wait_for_run(api, api.delete(f"/resources/{first.json()['id']}").json()["run"]["id"])
