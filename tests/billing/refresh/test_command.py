from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organization
from billing import prices, quotes
from billing.management.commands import refresh_prices
from billing.models import Price
from billing.quotes import Item
from billing.refresh import fetching

from . import lists, whole
from .server import Reply, Vendor

pytestmark = pytest.mark.django_db

KEY = "AIzaSyMadeUpKey"
S3_PATH = "/offers/v1.0/aws/AmazonS3/current/eu-west-1/index.json"
SHIPPED = max(prices.DATA.glob("prices-*.csv"))


@pytest.fixture(autouse=True)
def _now(time_machine: SimpleNamespace) -> None:
    time_machine.move_to("2026-12-03T10:00:00+00:00", tick=True)


@pytest.fixture(autouse=True)
def _apis(vendor: Vendor, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendors are one server on loopback; nobody waits between attempts."""
    settings.PRICE_APIS = dict.fromkeys(("aws", "azure", "gcp"), vendor.url)
    monkeypatch.setenv("GCP_PRICES_API_KEY", KEY)
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of two prices instead of ours."""
    rows = [
        "aws:compute:t3.micro,eu-west-1,hour,0.0114,USD,a copy,2026-07-10,false",
        "aws:s3:standard,eu-west-1,gb_month,0.023,USD,an old bill,2017-05-31,true",
    ]
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "prices-2026-11-24.csv").write_text("\n".join([",".join(prices.COLUMNS), *rows, ""]))
    monkeypatch.setattr(refresh_prices, "DATA", folder)
    return folder


def serve(vendor: Vendor, machine: str = "0.0114000000", storage: str = "0.0230000000") -> None:
    vendor.on(lists.EC2_PATH.format(region="eu-west-1"), lists.ec2(lists.machine("t3.micro", machine)))
    vendor.on(S3_PATH, lists.offer("AmazonS3", lists.product("EU-TimedStorage-ByteHrs", storage)))


def refresh(*arguments: str) -> str:
    """What ``refresh_prices --provider aws`` says."""
    out = StringIO()
    call_command("refresh_prices", "--provider", "aws", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        refresh(*arguments)
    return caught.value


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_everything_we_sell_is_read_from_three_vendors_and_becomes_current(vendor: Vendor, tmp_path: Path) -> None:
    shipped = prices.read_file(SHIPPED)
    whole.serve(vendor, shipped)
    out = StringIO()
    call_command("refresh_prices", "--out", str(tmp_path), stdout=out)

    free = "is kept with its old source: it is free and has no meter"
    assert f"0 prices change, {len(shipped) - 3} are confirmed, 3 are kept as they were." in out.getvalue()
    assert out.getvalue().count(free) == 3
    assert f"Wrote {tmp_path / 'prices-2026-12-03.csv'} with {len(shipped)} prices." in out.getvalue()
    call_command("load_prices", "--directory", str(tmp_path), stdout=StringIO())
    current = {(row.sku, row.region): row for row in Price.objects.filter(is_current=True)}
    assert {row.catalogue for row in current.values()} == {"2026-12-03"}
    assert {key: row.amount for key, row in current.items()} == {(row.sku, row.region): row.amount for row in shipped}
    assert {row.sku for row in current.values() if row.is_approximate} == {"azure:disk:standard_ssd"}
    assert {row.sku for row in current.values() if not row.source.startswith(vendor.url)} == {"azure:aks:free"}
    assert {row.as_of for row in current.values() if row.sku.startswith("aws")} == {"2026-11-20"}
    assert {asked.headers.get("x-goog-api-key") for asked in vendor.asked if "/services/" in asked.path} == {KEY}
    assert {asked.headers.get("x-goog-api-key") for asked in vendor.asked if "/services/" not in asked.path} == {None}
    assert KEY not in out.getvalue() + (tmp_path / "prices-2026-12-03.csv").read_text()


def test_the_changes_are_shown_as_a_table_and_written(vendor: Vendor, small: Path) -> None:
    serve(vendor, machine="0.0120000000")
    assert refresh().splitlines() == [
        "sku                   region        old    new  change",
        "aws:compute:t3.micro  eu-west-1  0.0114  0.012  +5.3 %",
        "1 prices change, 1 are confirmed, 0 are kept as they were.",
        f"Wrote {small}/prices-2026-12-03.csv with 2 prices. Now run: manage.py load_prices",
    ]
    with (small / "prices-2026-12-03.csv").open(newline="") as file:
        machine, storage = csv.DictReader(file)
    assert machine == {
        "sku": "aws:compute:t3.micro",
        "region": "eu-west-1",
        "unit": "hour",
        "amount": "0.012",
        "currency": "USD",
        "source": f"{vendor.url}/offers/v1.0/aws/AmazonEC2/current/eu-west-1/index.csv t3.micro.JRTCKXETXF.6YS6EN2CT7",
        "as_of": "2026-11-20",
        "is_approximate": "false",
    }
    assert (storage["amount"], storage["as_of"], storage["is_approximate"]) == ("0.023", "2026-11-20", "false")


def test_a_dry_run_shows_the_same_and_writes_nothing(vendor: Vendor, small: Path) -> None:
    serve(vendor, machine="0.0120000000")
    shown = refresh("--dry-run")
    assert "aws:compute:t3.micro  eu-west-1  0.0114  0.012  +5.3 %" in shown
    assert shown.endswith("Dry run: nothing was written. It would have been prices-2026-12-03.csv.\n")
    assert files(small) == ["prices-2026-11-24.csv"]
    assert not Price.objects.exists()


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_an_alarm_keeps_the_file_from_being_written(vendor: Vendor, small: Path, dry_run: list[str]) -> None:
    serve(vendor, machine="0.0140000000")
    refusal = refused(*dry_run)
    assert refusal.returncode == 3
    assert str(refusal).startswith(
        "1 alarms, so nothing was written. Compare these prices with the vendor's price page."
    )
    assert "run this again with --accept-large-changes" in str(refusal)
    assert files(small) == ["prices-2026-11-24.csv"]


def test_an_alarm_can_be_accepted(vendor: Vendor, small: Path) -> None:
    serve(vendor, machine="0.0140000000")
    shown = refresh("--accept-large-changes")
    assert "Alarm: aws:compute:t3.micro in eu-west-1: 0.0114 → 0.014 is +22.8 %." in shown
    assert files(small) == ["prices-2026-11-24.csv", "prices-2026-12-03.csv"]


def test_the_limit_can_be_set(vendor: Vendor, small: Path) -> None:
    serve(vendor, machine="0.0140000000")
    assert refused("--alarm-over", "22.8").returncode == 3
    assert "Wrote" in refresh("--alarm-over", "22.81")
    serve(vendor, machine="0.0140010000")
    assert refused("--alarm-over", "0").returncode == 3


def test_a_second_refresh_of_a_day_gets_a_number_and_a_third_without_news_nothing(vendor: Vendor, small: Path) -> None:
    serve(vendor)
    refresh()
    released = (small / "prices-2026-12-03.csv").read_bytes()
    serve(vendor, machine="0.0120000000")
    refresh()
    assert files(small) == ["prices-2026-11-24.csv", "prices-2026-12-03-2.csv", "prices-2026-12-03.csv"]
    assert (small / "prices-2026-12-03.csv").read_bytes() == released
    assert refresh().endswith("Nothing is new, down to the dates: no file was written.\n")
    assert len(files(small)) == 3
    assert prices.load(small) == {"2026-11-24": 2, "2026-12-03": 2, "2026-12-03-2": 2}
    assert prices.current_table().catalogue == "2026-12-03-2"


def test_a_version_that_is_only_in_the_database_is_not_written_again(
    vendor: Vendor, small: Path, tmp_path: Path
) -> None:
    serve(vendor)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    refresh("--out", str(elsewhere))
    prices.load(elsewhere)
    serve(vendor, machine="0.0120000000")
    assert "prices-2026-12-03-2.csv" in refresh()


def test_what_the_vendor_no_longer_lists_stays_and_is_named(vendor: Vendor, small: Path) -> None:
    serve(vendor)
    vendor.on(S3_PATH, lists.offer("AmazonS3"))
    shown = refresh()
    assert "0 prices change, 1 are confirmed, 1 are kept as they were." in shown
    why = "the vendor lists no price that passes the filters"
    assert f"  aws:s3:standard in eu-west-1 is kept with its old source: {why}." in shown
    assert (
        "aws:s3:standard,eu-west-1,gb_month,0.023,USD,an old bill,2017-05-31,true"
        in (small / "prices-2026-12-03.csv").read_text()
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Reply(status=500), "answered 500"),
        (Reply(b'{"products": ', promised=100), "cut off"),
        (Reply(b'{"products": '), "cut off"),
        (Reply(b"gone", status=404), "answered 404 Not Found"),
    ],
    ids=["500", "truncated", "half a file", "404"],
)
def test_one_list_that_cannot_be_read_keeps_the_file_from_being_written(
    vendor: Vendor, small: Path, answer: Reply, why: str
) -> None:
    serve(vendor, machine="0.0120000000")
    vendor.on(S3_PATH, answer)
    refusal = refused()
    assert refusal.returncode == 1
    assert why in str(refusal)
    assert str(refusal).endswith("Nothing was written.")
    assert files(small) == ["prices-2026-11-24.csv"]


def test_a_throttled_list_is_read_in_the_end(vendor: Vendor, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 2)
    serve(vendor)
    listed = lists.offer("AmazonS3", lists.product("EU-TimedStorage-ByteHrs", "0.0230000000"))
    vendor.on(S3_PATH, Reply(status=429, headers={"Retry-After": "0"}), listed)
    assert "0 prices change, 2 are confirmed" in refresh()


def test_a_region_is_refreshed_alone_and_an_unknown_one_is_explained(vendor: Vendor, small: Path) -> None:
    serve(vendor)
    assert "2 are confirmed" in refresh("--region", "eu-west-1")
    with pytest.raises(CommandError, match=r"No price is known in mars-1\. Known are: eu-west-1\."):
        call_command("refresh_prices", "--provider", "aws", "--provider", "azure", "--region", "mars-1")
    assert "AmazonS3/current/mars-1/index.json answered 404" in str(refused("--region", "mars-1"))
    everything_elsewhere = lists.ec2(lists.machine("t3.micro", "0.01"))
    vendor.on(lists.EC2_PATH.format(region="mars-1"), everything_elsewhere)
    vendor.on(S3_PATH.replace("eu-west-1", "mars-1"), lists.offer("AmazonS3"))
    assert "AWS lists none of 2 prices in mars-1." in str(refused("--region", "mars-1"))


def test_a_new_region_is_added(vendor: Vendor, small: Path) -> None:
    where = {"Region_Code": "eu-central-1"}
    vendor.on(lists.EC2_PATH.format(region="eu-central-1"), lists.ec2(lists.machine("t3.micro", "0.012", **where)))
    vendor.on(S3_PATH.replace("eu-west-1", "eu-central-1"), lists.offer("AmazonS3"))
    shown = refresh("--region", "eu-central-1")
    assert "aws:compute:t3.micro  eu-central-1    –  0.012     new" in shown
    assert "aws:s3:standard in eu-central-1 is not added" in shown
    written = (small / "prices-2026-12-03.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in written[1:]] == [
        ["aws:compute:t3.micro", "eu-central-1"],
        ["aws:compute:t3.micro", "eu-west-1"],
        ["aws:s3:standard", "eu-west-1"],
    ]


@pytest.mark.parametrize("key", ["", "with space"])
def test_google_is_refused_without_a_key_before_anything_is_read(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str
) -> None:
    monkeypatch.setenv("GCP_PRICES_API_KEY", key)
    with pytest.raises(CommandError, match="GCP_PRICES_API_KEY") as caught:
        call_command("refresh_prices", "--out", str(tmp_path))
    assert "with space" not in str(caught.value)
    assert vendor.asked == []


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_read(vendor: Vendor, tmp_path: Path) -> None:
    assert "is no folder. Make it first" in str(refused("--out", str(tmp_path / "none")))
    assert vendor.asked == []


@pytest.mark.parametrize("percent", ["much", "-1", "NaN"])
def test_the_limit_is_a_number_of_percent(percent: str) -> None:
    assert "percent" in str(refused("--alarm-over", percent))


def test_new_prices_do_not_touch_what_was_offered_before(
    vendor: Vendor, small: Path, organization: Organization, credit: Callable[..., object]
) -> None:
    prices.load(small)
    credit(organization, "50")
    items = [Item("t3.micro", "aws:compute:t3.micro", Decimal(1)), Item("Storage", "aws:s3:standard", Decimal(100))]
    before = quotes.quote(region="eu-west-1", items=items)
    kept = quotes.keep_quote(organization=organization, reference="resource:1", quoted=before)
    fields = ["catalogue", "hourly", "monthly", "lines"]
    stored = {name: getattr(kept, name) for name in fields}
    old_rows = list(Price.objects.values("sku", "amount", "source", "as_of", "catalogue"))

    serve(vendor, machine="0.0120000000", storage="0.0250000000")
    refresh()
    prices.load(small)
    prices.forget_table()

    kept.refresh_from_db()
    assert {name: getattr(kept, name) for name in fields} == stored
    account = organization.billing_account  # type: ignore[attr-defined]
    assert [entry.amount for entry in account.entries.all()] == [Decimal(50)]
    after = quotes.quote(region="eu-west-1", items=items)
    assert (after.catalogue, after.monthly > before.monthly) == ("2026-12-03", True)
    still = Price.objects.filter(catalogue="2026-11-24").values("sku", "amount", "source", "as_of", "catalogue")
    assert list(still) == old_rows
