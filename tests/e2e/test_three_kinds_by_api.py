"""Every offering on the shelf: ordered, compared, changed in place and destroyed, and the cloud agrees at the end."""

from typing import Any

import httpx
import pytest

from tests.e2e.stack import Stack

OFFERINGS: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {  # what is ordered, changed, and given out
    "aws/kubernetes": ({"region": "eu-west-1", "node_size": "medium"}, {"max_nodes": 5}, {"cluster_name", "endpoint"}),
    "azure/vm": ({"region": "westeurope", "size": "small"}, {"size": "medium"}, {"public_ip", "ssh_command"}),
    "azure/bucket": ({"region": "westeurope"}, {"versioning": True}, {"name", "url"}),
    "azure/kubernetes": (
        {"region": "westeurope", "node_size": "medium"},
        {"max_nodes": 5},
        {"cluster_name", "endpoint"},
    ),
}


@pytest.mark.parametrize("offering", OFFERINGS)
def test_an_offering_lives_and_leaves_nothing(stack: Stack, offering: str) -> None:
    inputs, change, outputs = OFFERINGS[offering]
    with stack.api() as api:
        ordered = stack.order(api, offering.replace("/", "-"), offering, **inputs)
        path = f"/resources/{ordered['id']}"
        made = stack.wait_for_run(api, ordered["run"]["id"])
        assert (made["status"], made["error"]) == ("succeeded", None)
        shown = api.get(path).json()
        assert (shown["status"], outputs <= shown["outputs"].keys()) == ("active", True)
        if offering.endswith("kubernetes"):
            assert "kind" in api.get(f"{path}/outputs").json()["outputs"]["kubeconfig"]

        compared = stack.wait_for_run(api, api.post(f"{path}/actions/detect-drift").json()["run"]["id"])
        assert compared["plan"] == {"adds": 0, "changes": 0, "destroys": 0}

        changed = stack.wait_for_run(api, api.patch(path, json={"inputs": change}).json()["run"]["id"])
        assert (changed["status"], changed["plan"]["destroys"]) == ("succeeded", 0)

        gone = stack.wait_for_run(api, api.delete(path).json()["run"]["id"])
        assert (gone["status"], gone["error"]) == ("succeeded", None)
        assert stack.tagged(offering.partition("/")[0], ordered["id"]) == []


def test_what_a_cluster_made_by_itself_is_removed_before_it(stack: Stack) -> None:
    azure = stack.demo["sandbox"]["azure"]
    with stack.api() as api:
        ordered = stack.order(api, "drained", "azure/kubernetes", region="westeurope", node_size="medium")
        assert stack.wait_for_run(api, ordered["run"]["id"])["status"] == "succeeded"
        cluster = api.get(f"/resources/{ordered['id']}").json()["outputs"]["cluster_name"]
        control = {"X-Sandbox-Key": azure["control_key"]}
        planted = httpx.post(
            f"{azure['control_url']}/leftovers", json={"cluster": cluster}, headers=control, trust_env=False
        ).json()["ids"]

        run = stack.wait_for_run(api, api.delete(f"/resources/{ordered['id']}").json()["run"]["id"])

        assert (run["status"], run["error"]) == ("succeeded", None)
        drained = [event["data"] for event in stack.events(api, run["id"]) if event["kind"] == "drain"]
        assert {each["id"] for each in drained if "id" in each} == set(planted)
        assert drained[-1] == {"removed": len(planted)}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"operation": "create", "action": "drop_after"}, "network"),
        ({"operation": "create", "status": 409, "message": "exceeding approved Total Regional Cores quota"}, "quota"),
        ({"operation": "create", "status": 401, "message": "AADSTS7000222: expired"}, "bad_credentials"),
        ({"operation": "create", "status": 409, "message": "The resource already exists"}, "name_exists"),
    ],
)
def test_after_a_fault_the_same_order_is_tried_again_and_destroyed(stack: Stack, fault: dict, code: str) -> None:
    azure = stack.demo["sandbox"]["azure"]
    faults, control = f"{azure['control_url']}/faults", {"X-Sandbox-Key": azure["control_key"]}
    rule = {"type": "azurerm_public_ip", **fault}
    httpx.post(faults, json=rule, headers=control, trust_env=False).raise_for_status()
    with stack.api() as api:
        ordered = stack.order(api, f"fault-{code.replace('_', '-')}", "azure/vm", region="westeurope", size="small")
        failed = stack.wait_for_run(api, ordered["run"]["id"])
        assert (failed["status"], failed["error"]["code"]) == ("failed", code)
        assert failed["error"]["summary"]
        assert failed["error"]["advice"]

        again = api.post(f"/resources/{ordered['id']}/actions/retry").json()["run"]["id"]
        assert stack.wait_for_run(api, again)["error"] is None
        assert api.get(f"/resources/{ordered['id']}").json()["status"] == "active"

        gone = stack.wait_for_run(api, api.delete(f"/resources/{ordered['id']}").json()["run"]["id"])
        assert gone["error"] is None
        assert stack.tagged("azure", ordered["id"]) == []
