"""The machines that something existing could change to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clouds import permissions, sizes
from clouds.inputs import validate_inputs
from clouds.models import CloudAccount, MachineType, OfferingVersion
from clouds.providers.metrics import Metric
from clouds.utilisation import read_utilisation
from tests.plugin import SimulatedCloud

from . import shelf

BURSTABLE = re.compile(r"t\d\w*\..+|Standard_B.+|e2-(micro|small|medium)")


@pytest.fixture
def offered(db: None) -> dict[str, OfferingVersion]:
    return shelf.load()


def complete(version: OfferingVersion, **inputs: str) -> dict[str, Any]:
    return validate_inputs(version, {"region": version.regions[0], **inputs})


def test_a_size_is_exchanged_for_sizes_and_a_machine_type_for_machine_types(
    offered: dict[str, OfferingVersion],
) -> None:
    version = offered["aws/vm"]
    by_size, by_type = complete(version, size="small"), complete(version, machine_type="m5.xlarge")

    assert [(each.field, each.value) for each in sizes.other_sizes(version, by_size)][:2] == [
        ("size", "micro"),
        ("size", "medium"),
    ]
    assert {(each.field, each.value) for each in sizes.other_sizes(version, by_type)} == {
        ("machine_type", name) for name in ("m5.large", "m5.2xlarge", "m5.4xlarge")
    }
    current = sizes.current_size(version, by_size)
    assert current is not None
    assert current.machine == sizes.Machine("t3.small", 2, 2, baseline=20)


def test_only_machines_of_the_same_family_are_named(offered: dict[str, OfferingVersion]) -> None:
    """Azure's largest size is of another family than the others, with other disks."""
    version = offered["azure/vm"]
    names = {each.value for each in sizes.other_sizes(version, complete(version, size="xlarge"))}
    assert names == {"micro", "small", "medium", "large"}
    assert sizes.other_sizes(version, complete(version, size="2xlarge")) == []


@pytest.mark.parametrize(
    ("provider", "one", "other", "is_same"),
    [
        ("aws", "t3.small", "t3.2xlarge", True),
        ("aws", "t3.small", "t3a.small", False),
        ("aws", "m5.large", "m6i.large", False),
        ("azure", "Standard_B1s", "Standard_B4ms", True),
        ("azure", "Standard_B4ms", "Standard_D8s_v5", False),
        ("azure", "Standard_D2s_v5", "Standard_D2ps_v5", False),
        ("gcp", "e2-micro", "e2-standard-4", True),
        ("gcp", "n2-standard-2", "n2-highmem-2", True),
        ("gcp", "e2-standard-2", "n2-standard-2", False),
    ],
)
def test_what_a_family_is(provider: str, one: str, other: str, is_same: bool) -> None:
    assert (sizes.family_of(provider, one) == sizes.family_of(provider, other)) is is_same


def test_every_machine_that_shares_processors_has_a_baseline(offered: dict[str, OfferingVersion]) -> None:
    known = {name for _, name in sizes._baselines()}
    assert known == {name for name in MachineType.objects.values_list("name", flat=True) if BURSTABLE.fullmatch(name)}


def test_nothing_without_a_machine_has_sizes(offered: dict[str, OfferingVersion]) -> None:
    version = offered["aws/bucket"]
    assert sizes.current_size(version, complete(version)) is None
    assert sizes.other_sizes(version, complete(version)) == []


@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
def test_reading_metrics_is_in_the_policy_and_missing_it_is_no_lack(
    provider: str, offered: dict[str, OfferingVersion]
) -> None:
    need = next(each for each in permissions.needs(provider) if each.reason == permissions.METRICS_REASON)
    assert need.is_optional
    own = {each for each in need.actions if "etric" in each or each.startswith("monitoring.")}
    assert own
    assert not own & set(permissions.needed_actions(provider))
    assert all(each in permissions.policy(provider) for each in own)


def test_figures_are_read_with_credentials_lent_for_it(
    azure_cloud: SimulatedCloud, account_in: Callable[..., CloudAccount], tenant: Any, settings: Any
) -> None:
    settings.SANDBOX_AZURE_ENDPOINT = azure_cloud.endpoint
    keys = dict(azure_cloud.control("POST", "principals", {}).json())
    account = account_in(tenant.organization, provider="azure", credentials=keys, is_sandbox=True)
    machine = f"/subscriptions/{keys['subscription_id']}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/w"
    first = datetime(2026, 11, 1, tzinfo=UTC)
    azure_cloud.control(
        "PUT", "metrics", {"id": machine, "metric": "Percentage CPU", "values": [[first.isoformat(), 7.0]]}
    )

    read = read_utilisation(
        cloud_account_id=account.pk,
        region="westeurope",
        machines=[machine],
        first=first,
        last=first + timedelta(days=1),
    )

    assert read[machine][Metric.CPU].mean == 7.0
