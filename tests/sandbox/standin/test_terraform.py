"""The real Terraform against the stand-in providers."""

import json
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.standin import schema
from tests.sandbox.standin.conftest import HEAD, SUBSCRIPTION, Workspace, terraform
from tests.sandbox.standin.fake import FakeCloud

GROUP = 'resource "azurerm_resource_group" "a" {\n  name     = "rg-a"\n  location = "West Europe"\n}\n'
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-a"
NETWORK = 'resource "google_compute_network" "n" {\n  name = "net-a"\n}\n'
ADDRESS = 'resource "google_compute_address" "a" {\n  name   = "ip-a"\n  labels = { tier = "web" }\n}\n'
PUBLIC_IP = """
resource "azurerm_public_ip" "p" {
  name                = "p"
  location            = "westeurope"
  resource_group_name = "rg-a"
  allocation_method   = "Static"
}
"""
CLIENT = """
data "azurerm_client_config" "c" {}
output "tenant" {
  value = data.azurerm_client_config.c.tenant_id
}
"""


def without_kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_kinds(item) for key, item in value.items() if key != "description_kind"}
    return value


@pytest.mark.parametrize("name", ["azurerm", "google"])
def test_the_served_schema_is_the_recorded_one(workspace: Workspace, name: str) -> None:
    workspace.write("")
    command = [terraform(), "providers", "schema", "-json"]
    shown = json.loads(subprocess.check_output(command, cwd=workspace.folder, env=workspace.environment))
    served = without_kinds(shown["provider_schemas"][f"registry.terraform.io/hashicorp/{name}"])
    assert served == schema.Provider(name).content


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GROUP.replace("location", "place"), 'An argument named "place" is not expected here'),
        (GROUP.replace('"rg-a"', '"rg a!"'), "name may hold letters, digits"),
        (
            PUBLIC_IP.replace("Static", "Sometimes"),
            'expected allocation_method to be one of ["Dynamic" "Static"], got Sometimes',
        ),
        (
            'resource "google_compute_firewall" "f" {\n name = "f"\n network = "n"\n}\n',
            '"allow": one of `allow,deny` must be specified',
        ),
        (NETWORK.replace("net-a", "Net_A"), "doesn't match regexp"),
        (
            NETWORK.replace("name =", 'gateway_ipv4 = "1.2.3.4"\n  name ='),
            'Can\'t configure a value for "gateway_ipv4"',
        ),
    ],
)
def test_a_wrong_configuration_fails_validate(workspace: Workspace, text: str, complaint: str) -> None:
    workspace.write(text)
    done = workspace.run("validate")
    assert done.returncode == 1
    assert complaint in done.stdout


def test_objects_are_made_found_unchanged_and_destroyed(workspace: Workspace, cloud: FakeCloud) -> None:
    done = workspace.apply(GROUP + NETWORK + ADDRESS)
    assert "Apply complete! Resources: 3 added, 0 changed, 0 destroyed." in done.stdout
    assert "Warning: Simulated cloud" in done.stdout
    assert workspace.plan_code() == 0
    assert "Destroy complete! Resources: 3 destroyed." in workspace.run("destroy", "-auto-approve").stdout
    assert cloud.objects == {}


def test_the_state_holds_what_azure_calls_the_place(workspace: Workspace) -> None:
    workspace.apply(GROUP)
    state = workspace.state("azurerm_resource_group.a") or {}
    assert (state["location"], state["id"]) == ("westeurope", GROUP_ID)


def test_google_labels_are_joined_and_marked(workspace: Workspace, cloud: FakeCloud) -> None:
    workspace.apply(ADDRESS)
    state = workspace.state("google_compute_address.a") or {}
    joined = {"team": "blue", "tier": "web", "goog-terraform-provisioned": "true"}
    assert state["labels"] == {"tier": "web"}
    assert state["terraform_labels"] == joined
    assert cloud.objects[state["id"]]["effective_labels"] == joined


def test_a_default_label_changes_in_place(workspace: Workspace) -> None:
    workspace.apply(ADDRESS)
    workspace.write(ADDRESS, head=HEAD.replace("blue", "red"))
    assert "0 added, 1 changed, 0 destroyed" in workspace.apply().stdout
    assert workspace.plan_code() == 0


def test_a_name_is_changed_by_a_replacement(workspace: Workspace) -> None:
    workspace.apply(GROUP)
    workspace.write(GROUP.replace("rg-a", "rg-b"))
    assert '~ name = "rg-a" -> "rg-b" # forces replacement' in workspace.run("plan").stdout


def test_strict_rules_hold_without_the_old_type_system(workspace: Workspace) -> None:
    """Terraform forgives the old SDK much; where no default or spelling is involved we need no forgiveness."""
    workspace.environment["SKYVEND_STANDIN_STRICT"] = "1"
    plain = GROUP.replace("West Europe", "westeurope")
    assert workspace.apply(plain).returncode == 0
    workspace.write(plain.replace("}", '  tags = { a = "b" }\n}'))
    assert "0 added, 1 changed, 0 destroyed" in workspace.apply().stdout
    assert workspace.plan_code() == 0


def test_drift_is_found_and_put_right(workspace: Workspace, cloud: FakeCloud) -> None:
    workspace.apply(GROUP)
    cloud.objects[GROUP_ID]["tags"] = {"by": "hand"}
    assert workspace.plan_code() == 2
    assert "0 added, 1 changed, 0 destroyed" in workspace.apply().stdout


def test_what_is_gone_is_made_again(workspace: Workspace, cloud: FakeCloud) -> None:
    workspace.apply(GROUP)
    cloud.objects.clear()
    assert "1 added, 0 changed, 0 destroyed" in workspace.apply().stdout
    assert list(cloud.objects) == [GROUP_ID]


def test_an_import_takes_the_real_id(workspace: Workspace, cloud: FakeCloud) -> None:
    workspace.apply(GROUP)
    workspace.forget()
    assert "Import successful!" in workspace.run("import", "azurerm_resource_group.a", GROUP_ID).stdout
    assert workspace.plan_code() == 0


def test_a_google_network_is_imported_by_its_name(workspace: Workspace) -> None:
    workspace.apply(NETWORK)
    workspace.forget()
    assert "Import successful!" in workspace.run("import", "google_compute_network.n", "net-a").stdout
    state = workspace.state("google_compute_network.n") or {}
    assert state["id"] == "projects/skyvend-sandbox-1/global/networks/net-a"


@pytest.mark.parametrize(
    ("id_", "complaint"),
    [
        ("/bad/id", "the ID was not in the expected format"),
        (f"{GROUP_ID}x", "Cannot import non-existent remote object"),
    ],
)
def test_a_wrong_id_is_not_imported(workspace: Workspace, id_: str, complaint: str) -> None:
    workspace.write(GROUP)
    assert complaint in workspace.run("import", "azurerm_resource_group.a", id_).stdout


def test_a_refused_create_leaves_no_state(workspace: Workspace, cloud: FakeCloud) -> None:
    cloud.faults["POST azurerm_resource_group"] = {"status": 409, "code": "X", "message": "already exists - imported"}
    assert "Error: already exists - imported" in workspace.apply(GROUP).stdout
    assert workspace.state("azurerm_resource_group.a") is None


def test_a_half_made_object_is_recorded_and_replaced(workspace: Workspace, cloud: FakeCloud) -> None:
    fault = {"status": 409, "code": "X", "message": "half", "partial": {"id": GROUP_ID, "attributes": {"id": GROUP_ID}}}
    cloud.faults["POST azurerm_resource_group"] = fault
    assert "Error: half" in workspace.apply(GROUP).stdout
    state = workspace.state("azurerm_resource_group.a") or {}
    assert (state["tainted"], state["id"]) == (True, GROUP_ID)


def test_a_lost_connection_is_an_error_without_state(workspace: Workspace, cloud: FakeCloud) -> None:
    cloud.faults["POST azurerm_resource_group"] = "drop"
    assert 'Error: Post "https://management.azure.com/standin/v1/azurerm_resource_group": EOF' in (
        workspace.apply(GROUP).stdout
    )
    assert workspace.state("azurerm_resource_group.a") is None


def test_an_interrupt_ends_a_create_at_once(workspace: Workspace, cloud: FakeCloud) -> None:
    cloud.faults["POST azurerm_resource_group"] = "hang"
    workspace.write(GROUP)
    process = workspace.start("apply", "-auto-approve")
    assert cloud.arrived.wait(60)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert "Error: context canceled" in output
    assert workspace.state("azurerm_resource_group.a") is None


def test_a_failed_change_keeps_the_former_state(workspace: Workspace, cloud: FakeCloud) -> None:
    workspace.apply(GROUP)
    cloud.faults["PUT azurerm_resource_group"] = {"status": 403, "code": "X", "message": "AuthorizationFailed"}
    workspace.write(GROUP.replace("}", '  tags = { a = "b" }\n}'))
    assert "Error: AuthorizationFailed" in workspace.apply().stdout
    assert (workspace.state("azurerm_resource_group.a") or {})["tags"] in (None, {})


def test_data_is_read(workspace: Workspace) -> None:
    assert 'tenant = "made-up"' in workspace.apply(CLIENT).stdout


def test_timeouts_stay_in_the_state(workspace: Workspace, cloud: FakeCloud) -> None:
    workspace.apply(GROUP.replace("}", '  timeouts {\n    create = "5m"\n  }\n}'))
    assert workspace.plan_code() == 0
    assert (workspace.state("azurerm_resource_group.a") or {})["timeouts"]["create"] == "5m"
    assert "timeouts" not in cloud.objects[GROUP_ID]


def test_a_module_is_tested_with_a_mock(workspace: Workspace, write_files: Callable[[dict[str, str]], None]) -> None:
    workspace.write(GROUP)
    case = 'mock_provider "azurerm" {}\nmock_provider "google" {}\nrun "plans" {\n  command = plan\n  assert {\n'
    case += '    condition     = azurerm_resource_group.a.name == "rg-a"\n    error_message = "no"\n  }\n}\n'
    write_files({"a.tftest.hcl": case})
    workspace.environment.pop("SKYVEND_SIMULATED_CLOUD")
    assert "Success! 1 passed, 0 failed." in workspace.run("test").stdout
