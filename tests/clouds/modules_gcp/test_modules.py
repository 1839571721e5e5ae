"""What Google's modules make, change in place, and leave behind: nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.clouds.standin_terraform import TAGS, Terraform, objects
from tests.plugin import SimulatedCloud

from .conftest import MODULES

Maker = Callable[[str], Terraform]
COMMON: dict[str, Any] = {"unique_suffix": "0123abcd", "region": "europe-west1", "tags": TAGS}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA you@example.com"


def test_an_attribute_that_the_real_provider_lacks_is_refused(
    engine: Path, google_mirror: Path, tmp_path: Path
) -> None:
    terraform = Terraform(engine, google_mirror, MODULES / "bucket/1.0.0", tmp_path / "bucket")
    (terraform.directory / "more.tf").write_text(
        'resource "google_compute_network" "more" {\n  name     = "more"\n  is_magic = true\n}\n'
    )

    with pytest.raises(AssertionError) as refused:
        terraform("validate", "-json")

    found = str(refused.value)
    assert json.loads(found[: found.rindex("}") + 1])["diagnostics"][0]["summary"] == "Unsupported argument"


def test_a_machine_is_as_safe_as_promised_and_changes_in_place(module: Maker, gcp_cloud: SimulatedCloud) -> None:
    terraform = module("vm")
    inputs = COMMON | {"name": "safe-vm", "size": "small"}

    outputs = terraform.apply(**inputs, allow_ssh_from=["203.0.113.0/24"])

    machine = terraform.attributes("google_compute_instance.this")
    assert outputs == {
        "public_ip": machine["network_interface"][0]["access_config"][0]["nat_ip"],
        "private_ip": "10.0.0.2",
        "instance_id": machine["id"],
        "ssh_command": f"ssh ubuntu@{outputs['public_ip']}",
    }
    assert (machine["machine_type"], machine["current_status"]) == ("e2-small", "RUNNING")
    assert machine["service_account"][0]["email"].startswith("vm-safe-vm-0123abcd@")
    assert objects(gcp_cloud, resource="r-1", organization="o-1") == {
        "google_compute_address": ["safe-vm-0123abcd-ip"],
        "google_compute_disk": ["safe-vm-0123abcd-os"],
        "google_compute_firewall": ["safe-vm-0123abcd-ssh-ipv4"],
        "google_compute_instance": ["safe-vm-0123abcd"],
        "google_compute_network": ["safe-vm-0123abcd-net"],
        "google_compute_subnetwork": ["safe-vm-0123abcd-net"],
        "google_service_account": [machine["service_account"][0]["email"]],
    }

    larger = inputs | {"size": "large", "disk_gb": 64, "ssh_public_key": KEY, "tags": {**TAGS, "skyvend-run": "n-2"}}
    assert terraform.changes(**larger) == {
        "google_compute_address.this": ["update"],
        "google_compute_disk.this": ["update"],
        'google_compute_firewall.ssh["ipv4"]': ["delete"],
        "google_compute_instance.this": ["update"],
    }
    assert terraform.apply(**larger) == outputs
    assert terraform.attributes("google_compute_disk.this")["size"] == 64

    terraform.destroy()
    assert objects(gcp_cloud, resource="r-1") == {}


def test_an_arm_machine_gets_an_arm_image(module: Maker) -> None:
    terraform = module("vm")
    inputs = COMMON | {
        "region": "us-central1",
        "name": "arm-vm",
        "machine_type": "t2a-standard-1",
        "image": "debian-12",
    }

    terraform.apply(**inputs)

    assert terraform.attributes("google_compute_disk.this")["image"] == "debian-cloud/debian-12-arm64"
    assert terraform.attributes("google_compute_instance.this")["cpu_platform"] == "Ampere Altra"


def test_a_bucket_is_as_safe_as_promised_and_changes_in_place(module: Maker, gcp_cloud: SimulatedCloud) -> None:
    terraform = module("bucket")
    inputs = COMMON | {"name": "my-logs"}

    outputs = terraform.apply(**inputs)

    assert outputs == {
        "name": "my-logs-0123abcd",
        "url": "https://storage.googleapis.com/my-logs-0123abcd",
        "id": "gs://my-logs-0123abcd",
    }
    assert terraform.attributes("google_storage_bucket.this")["public_access_prevention"] == "enforced"
    assert objects(gcp_cloud, resource="r-1") == {"google_storage_bucket": ["my-logs-0123abcd"]}

    kept = inputs | {"versioning": True, "expire_after_days": 30}
    assert terraform.changes(**kept) == {"google_storage_bucket.this": ["update"]}
    assert terraform.apply(**kept) == outputs
    assert terraform.apply(**inputs) == outputs

    terraform.destroy()
    assert objects(gcp_cloud, resource="r-1") == {}


def test_a_cluster_is_private_and_changes_in_place(module: Maker, gcp_cloud: SimulatedCloud) -> None:
    terraform = module("kubernetes")
    inputs = COMMON | {"name": "demo", "node_size": "medium", "kubernetes_version": "1.32"}

    outputs = terraform.apply(**inputs)

    cluster = terraform.attributes("google_container_cluster.this")
    config = yaml.safe_load(outputs["kubeconfig"])
    assert outputs["cluster_name"] == "demo-0123abcd"
    assert outputs["endpoint"] == f"https://{cluster['private_cluster_config'][0]['private_endpoint']}"
    assert outputs["ca_certificate"] == cluster["master_auth"][0]["cluster_ca_certificate"]
    assert config["clusters"][0]["cluster"]["server"] == outputs["endpoint"]
    assert list(config["users"][0]["user"]) == ["exec"]
    assert cluster["master_version"].startswith("1.32.")
    made = objects(gcp_cloud, resource="r-1")
    assert made.pop("google_service_account")[0].startswith("k8s-demo-0123abcd@")
    assert made == {
        "gke:instance": made["gke:instance"],
        "google_compute_address": ["demo-0123abcd-nat"],
        "google_compute_network": ["demo-0123abcd-net"],
        "google_compute_router": ["demo-0123abcd-router"],
        "google_compute_subnetwork": ["demo-0123abcd-net"],
        "google_container_cluster": ["demo-0123abcd"],
    }
    assert len(made["gke:instance"]) == 1

    larger = inputs | {"node_size": "large", "min_nodes": 2, "max_nodes": 5, "kubernetes_version": "1.33"}
    assert terraform.changes(**larger) == {
        "google_container_cluster.this": ["update"],
        "google_container_node_pool.this": ["update"],
    }
    assert terraform.apply(**larger) == outputs
    assert terraform.attributes("google_container_cluster.this")["master_version"].startswith("1.33.")

    terraform.destroy()
    assert objects(gcp_cloud, resource="r-1") == {}


def test_a_public_control_plane_in_three_zones_is_reached_by_those_named(module: Maker) -> None:
    terraform = module("kubernetes")

    outputs = terraform.apply(
        **COMMON, name="team", node_size="small", public_endpoint=True, allowed_cidrs=["203.0.113.0/24"], regional=True
    )

    cluster = terraform.attributes("google_container_cluster.this")
    assert outputs["endpoint"] == f"https://{cluster['endpoint']}"
    assert (cluster["location"], cluster["node_locations"]) == ("europe-west1", ["europe-west1-b"])
    blocks = cluster["master_authorized_networks_config"][0]["cidr_blocks"]
    assert [block["cidr_block"] for block in blocks] == ["203.0.113.0/24"]


def test_an_api_that_is_switched_off_is_said_so_in_googles_words(module: Maker, gcp_cloud: SimulatedCloud) -> None:
    terraform = module("bucket")
    gcp_cloud.control("PUT", "disabled-apis", ["storage.googleapis.com"])
    try:
        with pytest.raises(AssertionError, match="has not been used in project"):
            terraform.apply(**COMMON, name="off")
    finally:
        gcp_cloud.control("PUT", "disabled-apis", [])
    assert (
        httpx.get(f"{gcp_cloud.endpoint}/objects", params={"tag": "skyvend-resource:r-1"}, trust_env=False).json() == []
    )
