from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from billing.refresh import azure
from billing.refresh.fetching import Fetcher, VendorError
from billing.refresh.found import Found

from . import lists
from .server import Reply, Vendor, as_json

REGION, PATH = "westeurope", "/api/retail/prices"
B1S = "azure:compute:Standard_B1s"
Read = Callable[..., list[Found]]


@pytest.fixture
def read(vendor: Vendor, fetcher: Fetcher) -> Read:
    def ask(*skus: str) -> list[Found]:
        return azure.read({REGION: frozenset(skus)}, fetcher, vendor.url)

    return ask


def test_a_machine_is_read_with_its_meter_and_date(vendor: Vendor, read: Read) -> None:
    vendor.on(PATH, lists.page(lists.item()))
    source = f"{vendor.url}{PATH} meterId 004f7ba0-5b91-4f9b-a1b4-9f1b2c2b7a01"
    assert read(B1S) == [Found(B1S, REGION, "hour", Decimal("0.012"), source, "2026-10-01")]


def test_the_question_names_service_region_and_kind_of_price(vendor: Vendor, read: Read) -> None:
    vendor.on(PATH, lists.page())
    read(B1S, "azure:ipv4")
    where = "armRegionName eq 'westeurope' and priceType eq 'Consumption'"
    assert [one.query for one in vendor.asked] == [
        {"api-version": "2023-01-01-preview", "$filter": f"serviceName eq 'Virtual Machines' and {where}"},
        {
            "api-version": "2023-01-01-preview",
            "$filter": f"serviceName eq 'Virtual Network' and productName eq 'IP Addresses' and {where}",
        },
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"productName": "Virtual Machines BS Series Windows"},
        {"productName": "Virtual Machines Windows BS Series"},
        {"productName": "Windows Virtual Machines BS Series"},
        {"productName": "Virtual Machines BS Series CloudServices"},
        {"productName": "BS Series Cloud Services"},
        {"skuName": "B1s Spot"},
        {"meterName": "B1s Spot"},
        {"skuName": "B1s Low Priority"},
        {"meterName": "B1s Low Priority"},
        {"type": "Reservation", "reservationTerm": "1 Year"},
        {"type": "DevTestConsumption"},
        {"unitOfMeasure": "100 Hours"},
        {"unitOfMeasure": "1 Month"},
        {"armRegionName": "WestEurope2"},
        {"currencyCode": "EUR"},
        {"tierMinimumUnits": 100.0},
        {"effectiveStartDate": "2099-01-01T00:00:00Z"},
        {"effectiveEndDate": "2026-01-01T00:00:00Z"},
        {"isPrimaryMeterRegion": False},
        {"armSkuName": "Standard_B1ms"},
        {"retailPrice": 0},
        {"retailPrice": 0.0},
    ],
    ids=lambda changes: "-".join(str(value) for value in changes.values()),
)
def test_other_items_of_the_machine_are_not_its_price(vendor: Vendor, read: Read, changes: dict) -> None:
    """Each is cheaper, so that it would win if it were let through."""
    vendor.on(PATH, lists.page(lists.item(**{"retailPrice": 0.0001, **changes}), lists.item()))
    (found,) = read(B1S)
    assert (found.amount, found.others) == (Decimal("0.012"), ())


def test_a_meter_that_is_primary_elsewhere_counts_where_there_is_no_other(vendor: Vendor, read: Read) -> None:
    vendor.on(PATH, lists.page(lists.item(isPrimaryMeterRegion=False)))
    assert [found.amount for found in read(B1S)] == [Decimal("0.012")]


def test_a_price_that_a_filter_did_not_know_is_told(vendor: Vendor, read: Read) -> None:
    """As in a public table whose AMD sizes carried the Windows licence: 0.046 USD per processor and hour more."""
    vendor.on(
        PATH, lists.page(lists.item(retailPrice=0.178), lists.item(retailPrice=0.086), lists.item(retailPrice=0.086))
    )
    (found,) = read(B1S)
    assert (found.amount, found.others) == (Decimal("0.086"), (Decimal("0.178"),))


def test_a_disk_is_the_capacity_meter_of_its_tiers_by_gib(vendor: Vendor, read: Read) -> None:
    vendor.on(
        PATH,
        lists.page(
            lists.disk("E10", 9.6),
            lists.disk("E30", 76.8),
            lists.disk("E10", 0.002, meterName="E10 LRS Disk Operations", unitOfMeasure="10K"),
            lists.disk("E10", 0.54, meterName="E10 LRS Disk Mount"),
            lists.disk("E10", 0.002, unitOfMeasure="1/Hour"),
            lists.disk("E10", 0.1, meterName="E10 ZRS Disk", skuName="E10 ZRS"),
            lists.disk("P10", 0.1, productName="Premium SSD Managed Disks", meterName="P10 LRS Disk"),
            lists.disk("E10", 0.1, productName="Standard SSD Managed Disks v2"),
        ),
    )
    (found,) = read(azure.DISK)
    assert (found.amount, found.unit, found.others) == (Decimal("0.075"), "gib_month", ())
    assert found.is_approximate  # Azure bills the tier that holds the disk, we bill its GiB


def test_tiers_that_do_not_agree_by_gib_are_told(vendor: Vendor, read: Read) -> None:
    vendor.on(PATH, lists.page(lists.disk("E10", 9.6), lists.disk("E30", 81.92)))
    (found,) = read(azure.DISK)
    assert (found.amount, found.others) == (Decimal("0.075"), (Decimal("0.08"),))


def test_blob_storage_is_one_of_six_products_with_that_meter(vendor: Vendor, read: Read) -> None:
    others = (
        "General Block Blob v2",
        "Tiered Block Blob",
        "Azure Data Lake Storage Gen2",
        "Standard Page Blob",
        "Files",
    )
    vendor.on(
        PATH,
        lists.page(
            *(lists.blob(0.001, productName=name) for name in others),
            lists.blob(0.0188, tierMinimumUnits=51200.0),
            lists.blob(0.0001, meterName="Hot LRS Write Operations", unitOfMeasure="10K"),
            lists.blob(0.0001, meterName="Hot GRS Data Stored"),
            lists.blob(1.96, unitOfMeasure="100 GB/Month"),
            lists.blob(0.0196),
        ),
    )
    (found,) = read("azure:blob:hot_lrs")
    assert (found.amount, found.unit, found.others) == (Decimal("0.0196"), "gb_month", ())


def test_the_control_plane_and_addresses_are_one_meter_each(vendor: Vendor, read: Read) -> None:
    aks = {"serviceName": "Azure Kubernetes Service", "productName": "Azure Kubernetes Service", "armSkuName": ""}
    address = {"serviceName": "Virtual Network", "productName": "IP Addresses", "armSkuName": ""}
    items = [
        lists.item(**aks, meterName="Standard Uptime SLA", retailPrice=0.1),
        lists.item(**aks, meterName="Standard Long Term Support", retailPrice=0.6),
        lists.item(**address, meterName="Standard IPv4 Static Public IP", retailPrice=0.005),
        lists.item(**address, meterName="Basic IPv4 Static Public IP", retailPrice=0.0036),
        lists.item(**address, meterName="Global IPv4 Static Public IP", retailPrice=0.001),
    ]
    vendor.on(PATH, lists.page(*items))
    found = {one.sku: (one.amount, one.unit) for one in read("azure:aks:standard", "azure:ipv4")}
    assert found == {"azure:aks:standard": (Decimal("0.1"), "hour"), "azure:ipv4": (Decimal("0.005"), "hour")}


def test_all_pages_are_read(vendor: Vendor, read: Read) -> None:
    b2s = {"armSkuName": "Standard_B2s", "retailPrice": 0.048}
    vendor.on(PATH, lists.page(lists.item(), following=f"{vendor.url}/next?$skip=1000"))
    vendor.on("/next", lists.page(lists.item(**b2s), following=""))
    assert [found.amount for found in read(B1S, "azure:compute:Standard_B2s")] == [Decimal("0.012"), Decimal("0.048")]


@pytest.mark.parametrize("end", ["null", "empty", "absent"])
def test_a_page_is_the_last_when_it_names_no_other(vendor: Vendor, read: Read, end: str) -> None:
    body = {"Items": [lists.item()], "Count": 1}
    vendor.on(
        PATH, as_json({"null": {**body, "NextPageLink": None}, "empty": {**body, "NextPageLink": ""}}.get(end, body))
    )
    assert len(read(B1S)) == 1
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("link", ["{url}/next?$skip=1000", "https://prices.example/next", "http://127.0.0.2/next"])
def test_pages_that_go_round_or_elsewhere_are_refused(vendor: Vendor, read: Read, link: str) -> None:
    following = link.format(url=vendor.url)
    vendor.on(PATH, lists.page(lists.item(), following=following))
    vendor.on("/next", lists.page(lists.item(), following=following))
    with pytest.raises(VendorError, match="leads to a page that was read already, or elsewhere"):
        read(B1S)
    assert len(vendor.asked) <= 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Reply(b'{"Error": {"Code": "BadRequest"}}'), "answered without Items"),
        (Reply(b"[]"), "answered without Items"),
        (lists.page(lists.item(retailPrice=None)), "an item that is not the one we know: TypeError"),
        (
            as_json({"Items": [lists.item(effectiveStartDate="soon")]}),
            "an item that is not the one we know: ValueError",
        ),
        (Reply(b"{}", status=400), "answered 400 Bad Request"),
    ],
)
def test_an_answer_in_another_form_is_refused(vendor: Vendor, read: Read, answer: Reply, message: str) -> None:
    vendor.on(PATH, answer)
    with pytest.raises(VendorError, match=message):
        read(B1S)


def test_items_of_others_may_lack_anything(vendor: Vendor, read: Read) -> None:
    others = [{}, {"serviceName": "Virtual Machines"}, {"unitOfMeasure": None}, lists.item(armSkuName=None)]
    vendor.on(PATH, lists.page(*others, lists.item()))
    assert len(read(B1S)) == 1


def test_amounts_are_read_as_they_are_written(vendor: Vendor, read: Read) -> None:
    """0.1 + 0.2 style errors would show in the tenth place, were it ever a float."""
    vendor.on(
        PATH,
        Reply(lists.page(lists.item()).body.replace(b'"retailPrice": 0.012', b'"retailPrice": 0.10000000000000003')),
    )
    assert read(B1S)[0].amount == Decimal("0.10000000000000003")


def test_only_the_free_tier_has_no_meter() -> None:
    assert azure.unreadable("azure:aks:free") == "it is free and has no meter"
    assert azure.unreadable("azure:disk:ultra") == "no rule says where it is listed"
    assert [sku for sku in (B1S, azure.DISK, *azure.METERS) if azure.unreadable(sku)] == []
