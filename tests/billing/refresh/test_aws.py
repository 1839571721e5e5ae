from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO

import pytest

from billing.refresh import aws
from billing.refresh.fetching import Fetcher, VendorError
from billing.refresh.found import Found

from . import lists
from .server import Reply, Vendor

REGION = "eu-west-1"
EC2 = lists.EC2_PATH.format(region=REGION)
S3, EKS, VPC = (
    f"/offers/v1.0/aws/{name}/current/{REGION}/index.json" for name in ("AmazonS3", "AmazonEKS", "AmazonVPC")
)
MICRO = "aws:compute:t3.micro"


@pytest.fixture
def read(vendor: Vendor, fetcher: Fetcher):
    def ask(*skus: str) -> list[Found]:
        return aws.read({REGION: frozenset(skus)}, fetcher, vendor.url)

    return ask


def test_a_machine_and_a_volume_are_read_with_rate_code_and_publication_date(vendor: Vendor, read) -> None:
    vendor.on(EC2, lists.ec2(lists.machine("t3.micro", "0.0114000000"), lists.volume("0.0880000000")))
    assert read(MICRO, aws.DISK) == [
        Found(
            MICRO, REGION, "hour", Decimal("0.0114"), f"{vendor.url}{EC2} t3.micro.JRTCKXETXF.6YS6EN2CT7", "2026-11-20"
        ),
        Found(aws.DISK, REGION, "gb_month", Decimal("0.088"), f"{vendor.url}{EC2} gp3.JRTCKXETXF.1", "2026-11-20"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"TermType": "Reserved", "LeaseContractLength": "1yr"},
        {"Operating_System": "Windows"},
        {"Operating_System": "RHEL"},
        {"Tenancy": "Dedicated"},
        {"Pre_Installed_S/W": "SQL Std"},
        {"License_Model": "Bring your own license"},
        {"CapacityStatus": "UnusedCapacityReservation"},
        {"CapacityStatus": "AllocatedCapacityReservation"},
        {"MarketOption": "CapacityBlock"},
        {"Location_Type": "AWS Local Zone"},
        {"Region_Code": "eu-west-1-dub-1"},
        {"Unit": "Quantity"},
        {"Currency": "CNY"},
        {"Product_Family": "Dedicated Host"},
        {"StartingRange": "100"},
        {"Instance_Type": "t3.micro.other"},
        {"PricePerUnit": "0.0000000000"},
    ],
    ids=lambda changes: "-".join(changes.values()),
)
def test_other_lines_of_the_machine_are_not_its_price(vendor: Vendor, read, changes: dict[str, str]) -> None:
    """Each is cheaper, so that it would win if it were let through."""
    vendor.on(EC2, lists.ec2(lists.machine("t3.micro", "0.0001", **changes), lists.machine("t3.micro", "0.0114")))
    (found,) = read(MICRO)
    assert (found.amount, found.others) == (Decimal("0.0114"), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"usageType": "EU-EBS:VolumeP-IOPS.gp3"},
        {"usageType": "EU-EBS:VolumeP-Throughput.gp3"},
        {"usageType": "USE1-BOS1-EBS:VolumeUsage.gp3"},
        {"Product_Family": "Provisioned Throughput"},
        {"Unit": "IOPS-Mo"},
        {"Volume_API_Name": "gp2"},
    ],
)
def test_other_lines_of_the_volume_are_not_its_price(vendor: Vendor, read, changes: dict[str, str]) -> None:
    vendor.on(EC2, lists.ec2(lists.volume("0.0001", **changes), lists.volume("0.088")))
    (found,) = read(aws.DISK)
    assert (found.amount, found.others) == (Decimal("0.088"), ())


def test_more_than_one_price_is_told_and_the_lowest_is_taken(vendor: Vendor, read) -> None:
    prices = ("0.0160", "0.0114", "0.0114", "0.0200")
    vendor.on(EC2, lists.ec2(*(lists.machine("t3.micro", price) for price in prices)))
    (found,) = read(MICRO)
    assert (found.amount, found.others) == (Decimal("0.0114"), (Decimal("0.0160"), Decimal("0.0200")))


def test_a_machine_that_is_only_reserved_is_not_found(vendor: Vendor, read) -> None:
    vendor.on(
        EC2, lists.ec2(lists.machine("t3.micro", "0.0114", TermType="Reserved"), lists.machine("m5.large", "0.1"))
    )
    assert [found.sku for found in read(MICRO, "aws:compute:m5.large")] == ["aws:compute:m5.large"]


def test_a_usage_type_counts_with_its_service_and_its_first_tier(vendor: Vendor, read) -> None:
    usage = "EU-TimedStorage-ByteHrs"
    vendor.on(
        S3,
        lists.offer(
            "AmazonS3",
            lists.product(
                usage, "", tiers=[("51200", "0.0220000000"), ("0", "0.0230000000"), ("512000", "0.0210000000")]
            ),
            lists.product(usage, "0.001", servicecode="AmazonECR"),
            lists.product(usage, "0.001", volumeType="Standard - Infrequent Access"),
            lists.product(usage, "0.001", regionCode="us-east-1"),
            lists.product(usage, "0.001", unit="GB"),
            lists.product(usage, "0.001", terms=["Reserved"]),
            lists.product(usage, "0.0000000000"),
            lists.product("EU-TimedStorage-INT-FA-ByteHrs", "0.001"),
            lists.product("EU-EarlyDelete-TimedStorage-ByteHrs", "0.001"),
        ),
    )
    (found,) = read("aws:s3:standard")
    assert (found.amount, found.unit, found.others, found.as_of) == (Decimal("0.023"), "gb_month", (), "2026-11-20")
    assert found.source == f"{vendor.url}{S3} WP9ANXZGBYYSGJ00.JRTCKXETXF.1"


@pytest.mark.parametrize("prefix", ["EU-", ""])
def test_the_control_plane_and_addresses_are_hourly_with_and_without_the_region_prefix(
    vendor: Vendor, read, prefix: str
) -> None:
    cluster = {"servicecode": "AmazonEKS", "volumeType": ""}
    vendor.on(
        EKS,
        lists.offer(
            "AmazonEKS",
            lists.product(f"{prefix}AmazonEKS-Hours:perCluster", "0.1000000000", unit="hours", **cluster),
            lists.product(f"{prefix}AmazonEKS-Hours:extendedSupport", "0.0500000000", unit="hours", **cluster),
        ),
    )
    address = {"servicecode": "AmazonVPC", "unit": "Hrs"}
    vendor.on(
        VPC,
        lists.offer(
            "AmazonVPC",
            lists.product(f"{prefix}PublicIPv4:InUseAddress", "0.0050000000", **address),
            lists.product(f"{prefix}PublicIPv4:IdleAddress", "0.0040000000", **address),
        ),
    )
    found = {one.sku: (one.amount, one.unit) for one in read("aws:eks:control_plane", "aws:ipv4")}
    assert found == {"aws:eks:control_plane": (Decimal("0.1"), "hour"), "aws:ipv4": (Decimal("0.005"), "hour")}


def test_a_list_that_ends_within_a_line_is_no_list(vendor: Vendor, read) -> None:
    """The length the server says is right: somebody stored half a file."""
    whole = lists.ec2(lists.machine("t3.micro", "0.0114"), lists.machine("t3.small", "0.0228")).body
    for end in (len(whole) - 2, whole.rindex(b'"EU (Ireland)"'), whole.index(b'"SKU"') + 2, 40):
        vendor.on(EC2, Reply(whole[:end]))
        with pytest.raises(VendorError, match=r"index\.csv sent an answer that was cut off"):
            read(MICRO)


def test_a_list_in_another_form_is_refused(vendor: Vendor, read) -> None:
    head = [[name for name in row if name != "CapacityStatus"] for row in lists.ec2_head()]
    vendor.on(EC2, Reply(lists.quoted(head)))
    with pytest.raises(VendorError, match=r"index\.csv lacks CapacityStatus: its form has changed"):
        read(MICRO)
    vendor.on(S3, Reply(b'{"products": {}}'))
    with pytest.raises(VendorError, match=r"AmazonS3.*is not the price list we know"):
        read("aws:s3:standard")
    vendor.on(EC2, lists.ec2(lists.machine("t3.micro", "free")))
    with pytest.raises(VendorError, match="holds a price that is no number"):
        read(MICRO)


def test_a_region_without_a_list_is_named(vendor: Vendor, read) -> None:
    with pytest.raises(VendorError, match=r"/AmazonEC2/current/eu-west-1/index\.csv answered 404"):
        read(MICRO)


def test_a_list_of_fifty_megabytes_passes_through_a_few(vendor: Vendor, read) -> None:
    filler, text = lists.machine("u-6tb1.metal", "54.6"), StringIO()
    line = csv.DictWriter(text, lists.EC2_COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for _ in range(100):
        line.writerow(filler)
    block = text.getvalue().encode()

    def pieces() -> Iterator[bytes]:
        yield lists.ec2(lists.machine("t3.micro", "0.0114")).body
        for _ in range(50 * 2**20 // len(block)):
            yield block

    vendor.on(EC2, Reply(pieces=pieces))
    read(MICRO)  # imports and caches do not count
    tracemalloc.start()
    (found,) = read(MICRO)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.amount == Decimal("0.0114")
    assert peak < 8 * 2**20
