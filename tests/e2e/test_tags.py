"""A tenant's own tags on the objects in the cloud: put with the order, left alone until a change, then renewed."""

from typing import Any

import pytest

from tests.e2e.stack import Stack

OFFERINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # what is ordered, and changed
    "aws/bucket": ({"region": "eu-west-1"}, {"versioning": True}),
    "azure/vm": ({"region": "westeurope", "size": "small"}, {"size": "medium"}),
    "gcp/vm": ({"region": "europe-west1", "size": "small"}, {"size": "medium"}),
}
OURS = "skyvend-"


def carried(stack: Stack, provider: str, resource: dict[str, Any]) -> set[tuple[str, str]]:
    """The tenant's own tags on the objects of a resource; on all of those that bear tags or labels the same."""
    if provider == "aws":
        found = stack.aws("s3", "eu-west-1").get_bucket_tagging(Bucket=resource["outputs"]["name"])["TagSet"]
        tags = [{tag["Key"]: tag["Value"] for tag in found if tag["Key"] != "Name"}]
    else:
        tags = [each["tags"] for each in stack.listed(provider, resource["id"]) if len(each["tags"]) > 3]
    assert tags
    own = [{(name, value) for name, value in each.items() if not name.startswith(OURS)} for each in tags]
    assert all(each == own[0] for each in own)
    return own[0]


@pytest.mark.parametrize("offering", OFFERINGS)
def test_tags_reach_the_cloud_with_the_order_and_with_the_next_change(stack: Stack, offering: str) -> None:
    inputs, change = OFFERINGS[offering]
    provider, kind = offering.split("/")
    body = {
        "name": f"tagged-{provider}-{kind}",
        "offering": offering,
        "inputs": inputs,
        "tags": {"team": "data", "env": "prod"},
    }
    with stack.api() as api:
        ordered = api.post("/resources", json={**body, "cloud_account": stack.cloud_account(provider)})
        assert ordered.status_code == 202, ordered.text
        path = f"/resources/{ordered.json()['id']}"
        made = stack.wait_for_run(api, ordered.json()["run"]["id"])
        assert made["error"] is None, made["error"]
        assert carried(stack, provider, api.get(path).json()) == {("team", "data"), ("env", "prod")}

        tagged = api.patch(path, json={"tags": {"team": "web", "env": None}})
        assert (tagged.status_code, tagged.json()["tags"]) == (200, {"team": "web"})
        compared = stack.wait_for_run(api, api.post(f"{path}/actions/detect-drift").json()["run"]["id"])
        assert compared["plan"] == {"adds": 0, "changes": 0, "destroys": 0}

        changed = stack.wait_for_run(api, api.patch(path, json={"inputs": change}).json()["run"]["id"])
        assert (changed["error"], changed["plan"]["destroys"]) == (None, 0)
        assert carried(stack, provider, api.get(path).json()) == {("team", "web")}

        gone = stack.wait_for_run(api, api.delete(path).json()["run"]["id"])
        assert (gone["status"], gone["error"]) == ("succeeded", None)
        assert stack.tagged(provider, ordered.json()["id"]) == []
