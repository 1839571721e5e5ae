"""What Azure's modules make, change in place, and leave behind: nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import yaml

from tests.clouds.standin_terraform import TAGS, Terraform, objects
from tests.plugin import SimulatedCloud

from .conftest import MODULES

Maker = Callable[[str], Terraform]
COMMON: dict[str, Any] = {"unique_suffix": "0123abcd", "region": "westeurope", "tags": TAGS}
PRIME = 2**255 - 19  # of the curve edwards25519, RFC 7748
NOBODYS = "Skyvend: nobody holds the private half of this key, number {}"


def test_a_machine_is_as_safe_as_promised_and_changes_in_place(module: Maker, azure_cloud: SimulatedCloud) -> None:
    terraform = module("vm")
    inputs = COMMON | {"name": "safe-vm", "size": "small"}

    outputs = terraform.apply(**inputs, allow_ssh_from=["203.0.113.0/24"])

    machine = terraform.attributes("azurerm_linux_virtual_machine.this")
    assert outputs == {
        "public_ip": machine["public_ip_address"],
        "private_ip": "10.0.0.4",
        "instance_id": machine["id"],
        "ssh_command": f"ssh azureuser@{machine['public_ip_address']}",
    }
    assert (machine["size"], machine["secure_boot_enabled"], machine["admin_password"]) == ("Standard_B1ms", True, None)
    assert open_ports(terraform) == [("22", ["203.0.113.0/24"])]
    assert objects(azure_cloud, resource="r-1", organization="o-1", run="n-1") == {
        "azurerm_linux_virtual_machine": ["safe-vm"],
        "azurerm_network_interface": ["safe-vm-nic"],
        "azurerm_network_security_group": ["safe-vm-firewall"],
        "azurerm_public_ip": ["safe-vm-ip"],
        "azurerm_resource_group": ["rg-safe-vm-0123abcd"],
        "azurerm_virtual_network": ["safe-vm-net"],
    }

    larger = inputs | {"size": "large", "disk_gb": 64}
    assert terraform.changes(**larger) == {
        "azurerm_linux_virtual_machine.this": ["update"],
        "azurerm_network_security_group.this": ["update"],
    }
    changed = terraform.apply(**larger)

    machine = terraform.attributes("azurerm_linux_virtual_machine.this")
    assert changed == outputs
    assert (machine["size"], machine["os_disk"][0]["disk_size_gb"]) == ("Standard_B2ms", 64)
    assert open_ports(terraform) == []

    terraform.destroy()
    assert objects(azure_cloud, resource="r-1") == {}


def open_ports(terraform: Terraform) -> list[tuple[str, list[str]]]:
    rules = terraform.attributes("azurerm_network_security_group.this")["security_rule"]
    return [(rule["destination_port_range"], rule["source_address_prefixes"]) for rule in rules]


def test_an_arm_machine_gets_an_arm_image(module: Maker) -> None:
    terraform = module("vm")

    terraform.apply(**COMMON, name="arm-vm", machine_type="Standard_D2ps_v5", image="debian-12")

    machine = terraform.attributes("azurerm_linux_virtual_machine.this")
    assert machine["source_image_reference"][0]["sku"] == "12-arm64"


def test_the_key_of_a_machine_without_one_is_the_hash_of_a_sentence() -> None:
    points = (hashlib.sha256(NOBODYS.format(number).encode()).digest() for number in range(100))
    key = next(each for each in points if is_point(each))
    kind = b"ssh-ed25519"

    blob = len(kind).to_bytes(4) + kind + len(key).to_bytes(4) + key

    line = f"ssh-ed25519 {base64.b64encode(blob).decode()}"
    assert f'nobodys_key = "{line}"' in (MODULES / "vm/1.0.0/main.tf").read_text("utf-8")


def is_point(encoded: bytes) -> bool:
    """Whether RFC 8032 reads ``encoded`` as a point of the curve -x² + y² = 1 + dx²y²."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    d = -121665 * pow(121666, -1, PRIME)
    x_squared = (y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME
    return y < PRIME and pow(x_squared, (PRIME - 1) // 2, PRIME) == 1


def test_a_bucket_is_as_safe_as_promised_and_changes_in_place(module: Maker, azure_cloud: SimulatedCloud) -> None:
    terraform = module("bucket")
    inputs = COMMON | {"name": "my-logs"}

    outputs = terraform.apply(**inputs)

    account = terraform.attributes("azurerm_storage_account.this")
    assert outputs == {
        "name": "mylogs0123abcd",
        "url": "https://mylogs0123abcd.blob.core.windows.net/my-logs",
        "id": account["id"],
    }
    assert (account["shared_access_key_enabled"], account["allow_nested_items_to_be_public"]) == (False, False)
    assert account["blob_properties"][0]["versioning_enabled"] is False
    assert objects(azure_cloud, resource="r-1") == {
        "azurerm_resource_group": ["rg-my-logs-0123abcd"],
        "azurerm_storage_account": ["mylogs0123abcd"],
    }

    kept = inputs | {"versioning": True, "expire_after_days": 30, "allowed_cidrs": ["203.0.113.7/32"]}
    assert terraform.changes(**kept) == {
        "azurerm_storage_account.this": ["update"],
        "azurerm_storage_management_policy.this[0]": ["create"],
    }
    assert terraform.apply(**kept) == outputs
    assert terraform.apply(**inputs) == outputs
    assert terraform.attributes("azurerm_storage_account.this")["network_rules"][0]["default_action"] == "Allow"

    terraform.destroy()
    assert objects(azure_cloud, resource="r-1") == {}


def test_a_writer_of_a_bucket_gets_a_role(module: Maker) -> None:
    writer = "11111111-2222-3333-4444-555555555555"
    terraform = module("bucket")

    terraform.apply(**COMMON, name="shared", writer_ids=[writer])

    role = terraform.attributes(f'azurerm_role_assignment.writer["{writer}"]')
    assert (role["principal_id"], role["role_definition_name"]) == (writer, "Storage Blob Data Contributor")


def test_a_cluster_is_private_and_changes_in_place(module: Maker, azure_cloud: SimulatedCloud) -> None:
    terraform = module("kubernetes")
    inputs = COMMON | {"name": "demo", "node_size": "medium"}

    outputs = terraform.apply(**inputs)

    cluster = terraform.attributes("azurerm_kubernetes_cluster.this")
    assert outputs["cluster_name"] == "demo-0123abcd"
    assert outputs["endpoint"] == f"https://{cluster['private_fqdn']}:443"
    assert outputs["ca_certificate"] == cluster["kube_config"][0]["cluster_ca_certificate"]
    assert yaml.safe_load(outputs["kubeconfig"])["kind"] == "Config"
    assert (cluster["private_cluster_enabled"], cluster["sku_tier"]) == (True, "Free")
    assert objects(azure_cloud, resource="r-1") == {
        "azurerm_kubernetes_cluster": ["demo-0123abcd"],
        "azurerm_log_analytics_workspace": ["demo-0123abcd-logs"],
        "azurerm_resource_group": ["rg-demo-0123abcd"],
        "azurerm_user_assigned_identity": ["demo-0123abcd"],
        "azurerm_virtual_network": ["demo-0123abcd-net"],
    }

    larger = inputs | {"node_size": "large", "min_nodes": 2, "max_nodes": 5, "tier": "standard"}
    assert terraform.changes(**larger) == {"azurerm_kubernetes_cluster.this": ["update"]}
    assert terraform.apply(**larger) == outputs

    terraform.destroy()
    assert objects(azure_cloud, resource="r-1") == {}


def test_a_cluster_with_administrators_hands_out_no_key(module: Maker) -> None:
    terraform = module("kubernetes")

    outputs = terraform.apply(
        **COMMON,
        name="team",
        node_size="small",
        public_endpoint=True,
        allowed_cidrs=["203.0.113.0/24"],
        admin_group_ids=["11111111-2222-3333-4444-555555555555"],
        control_plane_logs=False,
    )

    cluster = terraform.attributes("azurerm_kubernetes_cluster.this")
    config = yaml.safe_load(outputs["kubeconfig"])
    assert cluster["local_account_disabled"] is True
    assert cluster["api_server_access_profile"][0]["authorized_ip_ranges"] == ["203.0.113.0/24"]
    assert outputs["endpoint"] == f"https://{cluster['fqdn']}:443"
    assert config["clusters"][0]["cluster"]["server"] == outputs["endpoint"]
    assert list(config["users"][0]["user"]) == ["exec"]


def test_a_public_endpoint_that_comes_later_is_said_to_make_a_new_cluster(module: Maker) -> None:
    terraform = module("kubernetes")
    inputs = COMMON | {"name": "demo", "node_size": "medium"}
    terraform.apply(**inputs)

    changes = terraform.changes(**inputs, public_endpoint=True)

    assert changes["azurerm_kubernetes_cluster.this"] == ["delete", "create"]
