from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from billing.refresh import gcp
from billing.refresh.fetching import Fetcher, VendorError
from billing.refresh.found import Found

from . import lists
from .server import Reply, Vendor, as_json

IOWA = "us-central1"
COMPUTE, STORAGE, KUBERNETES = (
    f"/v1/services/{service}/skus" for service in (gcp.COMPUTE_ENGINE, gcp.STORAGE, gcp.KUBERNETES)
)
CORE = ("E2 Instance Core running in Americas", 21811590)
RAM = ("E2 Instance Ram running in Americas", 2923530)
Read = Callable[..., list[Found]]


@pytest.fixture
def read(vendor: Vendor, fetcher: Fetcher) -> Read:
    def ask(*skus: str, region: str = IOWA) -> list[Found]:
        return gcp.read({region: frozenset(skus)}, fetcher, vendor.url)

    return ask


def e2(*more: dict) -> Reply:
    core, ram = lists.sku(*CORE, skuId="CF4E-A0C7-E3BF"), lists.sku(*RAM, unit="GiBy.h", skuId="F449-33EC-A5EF")
    return lists.skus(core, ram, *more)


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("e2-micro", "0.0083764275"),
        ("e2-small", "0.016752855"),
        ("e2-medium", "0.03350571"),
        ("e2-standard-2", "0.06701142"),
    ],
)
def test_a_machine_is_its_processors_and_its_memory(vendor: Vendor, read: Read, name: str, amount: str) -> None:
    """The shared-core types show two processors and are billed a quarter, a half and one."""
    vendor.on(COMPUTE, e2())
    (found,) = read(f"gcp:compute:{name}")
    assert (found.amount, found.unit, found.as_of) == (Decimal(amount), "hour", "2026-11-18")


def test_the_source_of_a_machine_names_both_parts(vendor: Vendor, read: Read) -> None:
    vendor.on(COMPUTE, e2())
    (found,) = read("gcp:compute:e2-standard-2")
    assert found.source == f"{vendor.url}{COMPUTE} SKU CF4E-A0C7-E3BF × 2 vCPU + SKU F449-33EC-A5EF × 8 GiB"


@pytest.mark.parametrize(
    "other",
    [
        lists.sku("Spot Preemptible E2 Instance Core running in Americas", 1, usage="Preemptible"),
        lists.sku("E2 Instance Core running in Americas", 1, usage="Preemptible"),
        lists.sku("E2 Instance Core running in Americas", 1, usage="Commit1Yr"),
        lists.sku("E2 Custom Instance Core running in Americas", 1),
        lists.sku("Commitment v1: E2 Instance Core running in Americas for 1 Year", 1),
        lists.sku("E2 Instance Core running in EMEA", 1, serviceRegions=["europe-west1"]),
        lists.sku("E2 Instance Core running in Americas", 1, unit="mo"),
        lists.sku("E2 Instance Core running in Americas", 1, currency="EUR"),
        lists.sku("E2 Instance Core running in Americas", 0),
        lists.sku("E2 Instance Core running in Americas", None),
        lists.sku("E2 Instance Core running in Americas", 1, pricingInfo=[]),
    ],
    ids=lambda other: f"{other['description']} {other['category']['usageType']}",
)
def test_other_skus_of_the_family_are_not_its_price(vendor: Vendor, read: Read, other: dict) -> None:
    vendor.on(COMPUTE, e2(other))
    (found,) = read("gcp:compute:e2-standard-2")
    assert (found.amount, found.others) == (Decimal("0.06701142"), ())


def test_a_second_price_of_a_part_is_told(vendor: Vendor, read: Read) -> None:
    vendor.on(COMPUTE, e2(lists.sku("E2 Instance Core running in Iowa", 31811590)))
    (found,) = read("gcp:compute:e2-standard-2")
    assert (found.amount, found.others) == (Decimal("0.06701142"), (Decimal("0.08701142"),))


def test_a_machine_of_which_a_part_is_missing_is_not_found(vendor: Vendor, read: Read) -> None:
    vendor.on(COMPUTE, lists.skus(lists.sku(*CORE)))
    assert read("gcp:compute:e2-micro") == []


def test_whole_dollars_are_a_string_and_fractions_may_be_absent(vendor: Vendor, read: Read) -> None:
    tiers = [(0, "1", None)]
    vendor.on(COMPUTE, lists.skus(lists.sku(CORE[0], None, tiers=tiers), lists.sku(*RAM, unit="GiBy.h")))
    (found,) = read("gcp:compute:e2-micro")
    assert found.amount == Decimal("0.25") + Decimal("0.00292353")
    assert gcp._amount({"units": "2", "nanos": 500000000}) == Decimal("2.5")
    assert gcp._amount({"nanos": 1}) == Decimal("1E-9")
    assert gcp._amount({}) == 0


def test_the_latest_price_that_holds_already_counts(vendor: Vendor, read: Read) -> None:
    core = lists.sku(*CORE)
    (now,) = core["pricingInfo"]
    dearer = lists.sku(CORE[0], 99000000)["pricingInfo"][0]["pricingExpression"]
    core["pricingInfo"] = [
        {"effectiveTime": "2025-01-01T08:00:00Z", "pricingExpression": dearer},
        now,
        {"effectiveTime": "2099-01-01T08:00:00Z", "pricingExpression": dearer},
    ]
    vendor.on(COMPUTE, lists.skus(core, lists.sku(*RAM, unit="GiBy.h")))
    assert read("gcp:compute:e2-standard-2")[0].amount == Decimal("0.06701142")


def test_an_address_costs_what_it_costs_behind_the_free_hours_everywhere(vendor: Vendor, read: Read) -> None:
    name = "External IP Charge on a Standard VM"
    tiers = [(744, "0", 5000000), (0, "0", None)]
    listed = lists.sku(name, 0, tiers=tiers, serviceRegions=["global"], skuId="C054-7F72-A02E")
    spot = lists.sku("External IP Charge on a Spot Preemptible VM", 1, serviceRegions=["global"])
    vendor.on(COMPUTE, lists.skus(listed, spot, lists.sku("Static Ip Charge", 1)))
    (found,) = read("gcp:ipv4", region="europe-west1")
    assert (found.amount, found.region, found.others) == (Decimal("0.005"), "europe-west1", ())
    assert found.source.endswith("SKU C054-7F72-A02E")


def test_a_bucket_in_one_region_is_not_one_in_two(vendor: Vendor, read: Read) -> None:
    """All of them list the region among their serviceRegions."""
    here = {"unit": "GiBy.mo", "serviceRegions": ["us-east1"]}
    vendor.on(
        STORAGE,
        lists.skus(
            lists.sku("Standard Storage South Carolina", 0, tiers=[(0, "0", 0), (5, "0", 20000000)], **here),
            lists.sku("Standard Storage South Carolina Dual-region", 1, **here),
            lists.sku("Standard Storage Dual-region in South Carolina", 1, **here),
            lists.sku("Standard Storage US Multi-region", 1, **here),
            lists.sku("Nearline Storage South Carolina", 1, **here),
            lists.sku("Autoclass Standard Storage South Carolina", 1, **here),
            lists.sku("Standard Storage South Carolina", 1, **{**here, "unit": "GBy.mo"}),
        ),
    )
    (found,) = read("gcp:gcs:standard", region="us-east1")
    assert (found.amount, found.unit, found.others) == (Decimal("0.02"), "gib_month", ())


def test_a_disk_and_a_control_plane_have_one_sku_for_many_regions(vendor: Vendor, read: Read) -> None:
    disk = {"unit": "GiBy.mo"}
    vendor.on(
        COMPUTE,
        lists.skus(
            lists.sku("Balanced PD Capacity", 100000000, **disk),
            lists.sku("Regional Balanced PD Capacity", 1, **disk),
            lists.sku("Balanced PD Capacity in Singapore", 1, serviceRegions=["asia-southeast1"], **disk),
        ),
    )
    everywhere = {"serviceRegions": ["global"]}
    vendor.on(
        KUBERNETES,
        lists.skus(
            lists.sku("Zonal Kubernetes Clusters", 100000000, **everywhere),
            lists.sku("Regional Kubernetes Clusters", 100000000, **everywhere),
            lists.sku("Autopilot Kubernetes Clusters", 1, **everywhere),
        ),
    )
    found = {
        one.sku: (one.amount, one.unit, one.others) for one in read("gcp:disk:pd_balanced", "gcp:gke:control_plane")
    }
    assert found == {
        "gcp:disk:pd_balanced": (Decimal("0.1"), "gib_month", ()),
        "gcp:gke:control_plane": (Decimal("0.1"), "hour", ()),
    }


@pytest.mark.parametrize("last", ["", None])
def test_all_pages_are_read_in_the_size_asked(vendor: Vendor, read: Read, last: str | None) -> None:
    vendor.on(
        COMPUTE, lists.skus(lists.sku(*CORE), token="more"), lists.skus(lists.sku(*RAM, unit="GiBy.h"), token=last)
    )
    assert len(read("gcp:compute:e2-micro")) == 1
    common = {"currencyCode": "USD", "pageSize": "5000"}
    assert [one.query for one in vendor.asked] == [common, {**common, "pageToken": "more"}]


def test_pages_that_go_round_are_refused(vendor: Vendor, read: Read) -> None:
    vendor.on(COMPUTE, lists.skus(lists.sku(*CORE), token="more"))
    with pytest.raises(VendorError, match="leads to a page that was read already"):
        read("gcp:compute:e2-micro")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Reply(b"[]"), "answered without skus"),
        (as_json({"skus": {}}), "answered without skus"),
        (lists.skus(lists.sku(*CORE, pricingInfo=[{}])), "a SKU that is not the one we know: KeyError"),
        (lists.skus(lists.sku(*CORE, pricingInfo=[{"effectiveTime": "soon"}])), "not the one we know: ValueError"),
        (Reply(b"{}", status=403), "answered 403 Forbidden"),
    ],
)
def test_an_answer_in_another_form_is_refused(vendor: Vendor, read: Read, answer: Reply, message: str) -> None:
    vendor.on(COMPUTE, answer)
    with pytest.raises(VendorError, match=message):
        read("gcp:compute:e2-micro")


def test_skus_of_others_may_lack_anything(vendor: Vendor, read: Read) -> None:
    bare = {"category": {"usageType": "OnDemand"}}
    vendor.on(COMPUTE, e2({}, bare, {**bare, "serviceRegions": [IOWA]}, {**bare, "description": CORE[0]}))
    assert len(read("gcp:compute:e2-micro")) == 1


def test_every_machine_type_on_the_shelf_has_a_shape_that_fits() -> None:
    with (Path(settings.BASE_DIR) / "clouds/data/machine_types.csv").open(newline="") as file:
        types = {row["name"]: row for row in csv.DictReader(file) if row["provider"] == "gcp"}
    shapes = {sku.removeprefix(gcp.COMPUTE): shape for sku, shape in gcp.shapes().items()}
    assert types.keys() == shapes.keys()
    for name, shape in shapes.items():
        assert shape.memory_gib == Decimal(types[name]["memory_gib"]), name
        fraction = {"e2-micro": Decimal("0.125"), "e2-small": Decimal("0.25"), "e2-medium": Decimal("0.5")}.get(name, 1)
        assert shape.vcpu == Decimal(types[name]["vcpu"]) * fraction, name
        assert name.startswith(f"{shape.family}-")


def test_what_has_no_rule_is_said() -> None:
    assert gcp.unreadable("gcp:compute:h3-standard-88") == "gcp_shapes.csv does not say what it is made of"
    assert gcp.unreadable("gcp:tpu") == "no rule says where it is listed"
    assert gcp.unreadable("gcp:compute:e2-micro") == ""
