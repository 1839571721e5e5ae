"""Every offering on the shelf: ordered, compared, changed in place and destroyed, and the cloud agrees at the end."""

from typing import Any

import httpx
import pytest

from tests.e2e.stack import Stack

VM = {"public_ip", "private_ip", "instance_id", "ssh_command"}
BUCKET = {"name", "url"}
CLUSTER = {"cluster_name", "endpoint", "ca_certificate"}
OFFERINGS: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {  # what is ordered, changed, and given out
    "aws/vm": ({"region": "eu-west-1", "size": "small"}, {"size": "medium"}, VM),
    "aws/bucket": ({"region": "eu-west-1"}, {"versioning": True}, BUCKET),
    "aws/kubernetes": ({"region": "eu-west-1", "node_size": "medium"}, {"max_nodes": 5}, CLUSTER),
    "azure/vm": ({"region": "westeurope", "size": "small"}, {"size": "medium"}, VM),
    "azure/bucket": ({"region": "westeurope"}, {"versioning": True}, BUCKET),
    "azure/kubernetes": ({"region": "westeurope", "node_size": "medium"}, {"max_nodes": 5}, CLUSTER),
    "gcp/vm": ({"region": "europe-west1", "size": "small"}, {"size": "medium", "disk_gb": 40}, VM),
    "gcp/bucket": ({"region": "europe-west1"}, {"versioning": True}, BUCKET),
    "gcp/kubernetes": ({"region": "europe-west1", "node_size": "medium"}, {"node_size": "large"}, CLUSTER),
}


@pytest.mark.parametrize("offering", OFFERINGS)
def test_an_offering_lives_and_leaves_nothing(stack: Stack, offering: str) -> None:
    inputs, change, outputs = OFFERINGS[offering]
    with stack.api() as api:
        ordered = stack.order(api, offering.replace("/", "-"), offering, **inputs)
        path = f"/resources/{ordered['id']}"
        made = stack.wait_for_run(api, ordered["run"]["id"])
        assert made["error"] is None, made["error"]
        assert any("Simulated cloud" in event["message"] for event in stack.events(api, made["id"]))
        shown = api.get(path).json()
        assert (shown["status"], outputs <= shown["outputs"].keys()) == ("active", True)
        if offering.endswith("kubernetes"):
            assert "kind" in api.get(f"{path}/outputs").json()["outputs"]["kubeconfig"]

        compared = stack.wait_for_run(api, api.post(f"{path}/actions/detect-drift").json()["run"]["id"])
        assert compared["plan"] == {"adds": 0, "changes": 0, "destroys": 0}

        if offering.endswith("vm"):
            stop_and_start(stack, api, path)

        changed = stack.wait_for_run(api, api.patch(path, json={"inputs": change}).json()["run"]["id"])
        assert (changed["status"], changed["plan"]["destroys"]) == ("succeeded", 0)

        gone = stack.wait_for_run(api, api.delete(path).json()["run"]["id"])
        assert (gone["status"], gone["error"]) == ("succeeded", None)
        assert stack.tagged(offering.partition("/")[0], ordered["id"]) == []


def stop_and_start(stack: Stack, api: httpx.Client, path: str) -> None:
    """A stopped machine is as it was ordered, cannot be changed, and has an address again once it is started."""
    stopped = stack.wait_for_run(api, api.post(f"{path}/actions/stop").json()["run"]["id"])
    assert (stopped["error"], api.get(path).json()["status"]) == (None, "stopped")
    compared = stack.wait_for_run(api, api.post(f"{path}/actions/detect-drift").json()["run"]["id"])
    assert compared["plan"] == {"adds": 0, "changes": 0, "destroys": 0}
    assert api.patch(path, json={"inputs": {"size": "medium"}}).status_code == 409
    started = stack.wait_for_run(api, api.post(f"{path}/actions/start").json()["run"]["id"])
    shown = api.get(path).json()
    assert (started["error"], shown["status"], bool(shown["outputs"]["public_ip"])) == (None, "active", True)


def plant(stack: Stack, provider: str, cluster: str) -> set[str]:
    """What a cluster makes by itself; the ids."""
    if provider != "aws":
        return set(stack.control(provider, "POST", "leftovers", {"cluster": cluster}).json()["ids"])
    ec2, owned = stack.aws("ec2", "eu-west-1"), {"Key": f"kubernetes.io/cluster/{cluster}", "Value": "owned"}
    network = stack.aws("eks", "eu-west-1").describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]
    subnet, zone = network["subnetIds"][0], "eu-west-1a"
    card = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.create_tags(Resources=[card], Tags=[owned])
    tags = [{"Key": "ebs.csi.aws.com/cluster-name", "Value": cluster}]
    wanted = [{"ResourceType": "volume", "Tags": tags}]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1, TagSpecifications=wanted)["VolumeId"]
    listener = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 80}
    stack.aws("elb", "eu-west-1").create_load_balancer(
        LoadBalancerName="a-left-over", Listeners=[listener], Subnets=[subnet], Tags=[owned]
    )
    return {card, volume, "a-left-over"}


@pytest.mark.parametrize(("provider", "region"), [("aws", "eu-west-1"), ("azure", "westeurope"), ("gcp", "us-east1")])
def test_what_a_cluster_made_by_itself_is_removed_before_it(stack: Stack, provider: str, region: str) -> None:
    with stack.api() as api:
        ordered = stack.order(api, f"drained-{provider}", f"{provider}/kubernetes", region=region, node_size="medium")
        made = stack.wait_for_run(api, ordered["run"]["id"])
        assert made["error"] is None, made["error"]
        cluster = api.get(f"/resources/{ordered['id']}").json()["outputs"]["cluster_name"]
        planted = plant(stack, provider, cluster)

        run = stack.wait_for_run(api, api.delete(f"/resources/{ordered['id']}").json()["run"]["id"])

        assert (run["status"], run["error"]) == ("succeeded", None)
        drained = [event["data"] for event in stack.events(api, run["id"]) if event["kind"] == "drain"]
        assert {each["id"] for each in drained if "id" in each} == planted
        assert drained[-1] == {"removed": len(planted)}
        assert stack.tagged(provider, ordered["id"]) == []
