"""The same wish on another cloud."""

from typing import Any

import pytest

from clouds.inputs import validate_inputs
from clouds.mapping import equal_region, translate
from clouds.models import OfferingVersion

from . import shelf

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions() -> dict[str, OfferingVersion]:
    return shelf.load()


def test_a_machine_moves_to_another_cloud_and_says_what_changed(versions: dict[str, OfferingVersion]) -> None:
    wanted = validate_inputs(versions["aws/vm"], {"region": "us-east-1", "size": "medium", "disk_gb": 40})

    moved = translate(versions["azure/vm"], wanted)

    complete = validate_inputs(versions["azure/vm"], moved.inputs)
    assert (complete["region"], complete["size"], complete["disk_gb"]) == ("eastus", "medium", 40)
    assert moved.notes == ["Region: us-east-1 → eastus"]


def test_what_the_other_cloud_does_not_ask_is_said_if_somebody_chose_it(versions: dict[str, OfferingVersion]) -> None:
    wanted = {"region": "us-east-1", "size": "medium", "network": "own"}
    notes = translate(versions["azure/vm"], wanted).notes
    assert notes == ["Region: us-east-1 → eastus", "Network is not asked on this cloud."]


def test_what_was_moved_there_and_back_is_what_it_was(versions: dict[str, OfferingVersion]) -> None:
    wanted = {"region": "eu-west-1", "size": "large", "image": "debian-12", "disk_gb": 64}

    there = translate(versions["azure/vm"], wanted)

    assert translate(versions["aws/vm"], there.inputs).inputs == wanted


@pytest.mark.parametrize(
    ("wanted", "kept", "note"),
    [
        ({"machine_type": "t3.medium"}, {"machine_type": "Standard_B2s"}, "t3.medium → Standard_B2s"),
        ({"machine_type": "m7g.large"}, {"machine_type": "Standard_D2ps_v5"}, "m7g.large → Standard_D2ps_v5"),
        ({"machine_type": "m7g.medium"}, {}, "m7g.medium is not to be had on this cloud."),
        ({"image": "amazon-linux-2023"}, {}, "amazon-linux-2023 is not to be had on this cloud."),
        ({"disk_gb": 10}, {"disk_gb": 30}, "10 → 30, the least on this cloud."),
        ({"disk_gb": "10"}, {"disk_gb": 30}, "10 → 30, the least on this cloud."),
    ],
)
def test_what_the_other_cloud_lacks_is_said(
    versions: dict[str, OfferingVersion], wanted: dict[str, Any], kept: dict[str, Any], note: str
) -> None:
    moved = translate(versions["azure/vm"], wanted)

    assert moved.inputs == kept
    assert [each.endswith(note) for each in moved.notes] == [True]


def test_a_mistake_stays_for_the_validation_to_name(versions: dict[str, OfferingVersion]) -> None:
    wanted = {"region": "moon-1", "size": "enormous"}
    assert translate(versions["azure/vm"], wanted).inputs == wanted


@pytest.mark.parametrize(
    ("provider", "region", "equal"),
    [
        ("azure", "eu-west-1", "westeurope"),
        ("gcp", "westeurope", "europe-west1"),
        ("gcp", "us-east-1", "us-east1"),
        ("aws", "us-central1", "us-east-1"),  # no area of its own there: the same geography
        ("azure", "europe", "westeurope"),
        ("azure", "Asia Pacific", "southeastasia"),
        ("azure", "moon-1", None),
    ],
)
def test_a_region_has_one_that_stands_in_for_it(provider: str, region: str, equal: str | None) -> None:
    assert equal_region(provider, region) == equal
