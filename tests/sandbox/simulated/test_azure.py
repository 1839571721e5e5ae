"""The simulated Azure itself: its door, its faults, its memory."""

from pathlib import Path

import httpx
import pytest

from sandbox.simulated.faults import Dropped, Faults
from sandbox.simulated.store import Object, Store
from tests.plugin import SimulatedCloud


def test_controls_want_the_key(azure_cloud: SimulatedCloud) -> None:
    for headers in ({}, {"X-Sandbox-Key": "wrong"}):
        answer = httpx.get(f"{azure_cloud.endpoint}/control/credentials", headers=headers, trust_env=False)
        assert answer.status_code == 403


def test_what_exists_is_listed_without_attributes(azure_cloud: SimulatedCloud) -> None:
    assert httpx.get(f"{azure_cloud.endpoint}/objects?tag=a:b", trust_env=False).json() == []


def test_without_a_token_nothing_is_told(azure_cloud: SimulatedCloud) -> None:
    for path in ("/subscriptions/x/resources", "/standin/v1/azurerm_resource_group?id=x"):
        assert httpx.get(f"{azure_cloud.endpoint}{path}", trust_env=False).status_code == 401


def test_the_nth_call_is_hit_and_no_other() -> None:
    faults = Faults()
    faults.add({"type": "azurerm_subnet", "operation": "create", "nth": 2, "action": "drop"})

    assert faults.before("azurerm_subnet", "create") is False
    assert faults.before("azurerm_public_ip", "create") is False
    with pytest.raises(Dropped):
        faults.before("azurerm_subnet", "create")
    assert faults.before("azurerm_subnet", "create") is False


def test_what_is_stored_survives_a_restart_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "cloud.sqlite")
    store.put(Object("t", "/A", "a", "s", tags={"k": "v"}))
    with pytest.raises(TypeError), store.at_once():
        [store.put(Object("t", name, name, "s", attributes=held)) for name, held in (("/B", {}), ("/C", {"no": {1}}))]

    again = Store(tmp_path / "cloud.sqlite")

    assert [each.id for each in again.find("t", tags={"k": "v"})] == ["/A"]
    assert again.get("t", "/a") is not None  # ids know no case
    assert again.find(tags={"k": "other"}) == []
    assert [again.counter("n"), again.counter("n")] == [1, 2]
