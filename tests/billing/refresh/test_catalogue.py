from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from billing import prices
from billing.models import Price
from billing.refresh import catalogue
from billing.refresh.catalogue import BadRequest, Base
from billing.refresh.found import Found

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 25)
IPV4 = ("aws:ipv4", "eu-west-1")


def price(sku: str = IPV4[0], region: str = IPV4[1], amount: str = "0.005", **changes: object) -> Price:
    values = {"unit": "hour", "currency": "USD", "source": "a copy", "as_of": "2026-07-10", "is_approximate": True}
    return Price(sku=sku, region=region, amount=Decimal(amount), **{**values, **changes})


def base_of(*rows: Price, versions: frozenset[str] = frozenset()) -> Base:
    return Base({(row.sku, row.region): row for row in rows}, versions)


def found(amount: str, **changes: object) -> Found:
    values = {"sku": IPV4[0], "region": IPV4[1], "unit": "hour", "source": "https://vendor X1", "as_of": "2026-11-20"}
    return Found(amount=Decimal(amount), **{**values, **changes})  # type: ignore[arg-type]


def compared(base: Base, *results: Found, limit: str = "20") -> catalogue.Comparison:
    return catalogue.compare(base, base.rows.keys(), results, {}, Decimal(limit))


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """``put("2026-01-01", price(), ...)`` writes a price file."""

    def write(version: str, *rows: Price, folder: str = "data") -> Path:
        directory = tmp_path / folder
        directory.mkdir(exist_ok=True)
        catalogue.write({(row.sku, row.region): row for row in rows}, directory, version)
        return directory

    return write


def test_a_found_price_replaces_amount_source_date_and_doubt() -> None:
    result = compared(base_of(price()), found("0.0055"))
    row = result.rows[IPV4]
    assert (row.amount, row.source, row.as_of, row.is_approximate) == (
        Decimal("0.0055"),
        "https://vendor X1",
        "2026-11-20",
        False,
    )
    assert [change.percent for change in result.changes] == [Decimal(10)]
    assert (result.confirmed, result.kept, result.alarms, result.is_new) == (0, {}, [], True)


def test_the_same_amount_is_confirmed_and_gets_the_better_source() -> None:
    result = compared(base_of(price()), found("0.0050000000"))
    assert (result.changes, result.confirmed, result.is_new) == ([], 1, True)
    assert result.rows[IPV4].source == "https://vendor X1"


def test_what_is_the_same_in_everything_is_nothing_new() -> None:
    old = price(source="https://vendor X1", as_of="2026-11-20", is_approximate=False)
    assert not compared(base_of(old), found("0.005")).is_new


@pytest.mark.parametrize("results", [[], [found("0.0000004")]], ids=["missing", "nothing after rounding"])
def test_a_price_the_vendor_does_not_list_is_kept_as_it_is_and_named(results: list[Found]) -> None:
    old = price()
    result = compared(base_of(old), *results)
    assert result.rows == {IPV4: old}
    assert result.kept == {IPV4: "the vendor lists no price that passes the filters"}


def test_amounts_are_rounded_to_six_places_half_up() -> None:
    result = compared(base_of(price()), found("0.0083764275"), limit="100")
    assert result.rows[IPV4].amount == Decimal("0.008376")
    assert compared(base_of(price()), found("0.0050005")).rows[IPV4].amount == Decimal("0.005001")


@pytest.mark.parametrize(
    ("old", "new", "alarms"),
    [
        ("0.005", "0.006", []),
        ("0.005", "0.004", []),
        ("0.005", "0.006001", ["aws:ipv4 in eu-west-1: 0.005 → 0.006001 is +20.0 %"]),
        ("0.005", "0.003", ["aws:ipv4 in eu-west-1: 0.005 → 0.003 is -40.0 %"]),
        ("0", "0.003", ["aws:ipv4 in eu-west-1: was free, is now 0.003"]),
    ],
)
def test_a_change_beyond_the_limit_is_an_alarm_in_both_directions(old: str, new: str, alarms: list[str]) -> None:
    assert compared(base_of(price(amount=old)), found(new)).alarms == alarms


def test_another_unit_and_a_second_price_are_alarms_however_small_the_change() -> None:
    doubtful = found("0.005", unit="gb_month", others=(Decimal("0.006"), Decimal("0.0075")))
    assert compared(base_of(price()), doubtful).alarms == [
        "aws:ipv4 in eu-west-1: more than one price fits; 0.005 is the lowest, others are 0.006, 0.0075",
        "aws:ipv4 in eu-west-1: was per hour, is now per GB and month",
    ]


def test_a_price_that_is_new_is_a_change_without_an_alarm() -> None:
    result = catalogue.compare(base_of(), [IPV4, ("aws:ipv4", "mars")], [found("0.005")], {}, Decimal(20))
    assert [(change.old, change.percent) for change in result.changes] == [(None, None)]
    assert result.rows.keys() == {IPV4}
    assert result.kept.keys() == {("aws:ipv4", "mars")}


@pytest.mark.parametrize(
    ("versions", "name"),
    [
        ((), "2026-11-25"),
        (("2026-11-24",), "2026-11-25"),
        (("2026-11-25",), "2026-11-25-2"),
        (("2026-11-24", "2026-11-25", "2026-11-25-2"), "2026-11-25-3"),
        (("2026-12-31",), "2026-12-31-2"),
    ],
)
def test_a_version_is_newer_than_every_other_and_never_one_of_them(versions: tuple[str, ...], name: str) -> None:
    assert catalogue.next_version(versions, TODAY) == name
    assert max([*versions, name]) == name


def test_the_tenth_version_of_a_day_is_refused() -> None:
    with pytest.raises(BadRequest, match="Refresh again tomorrow"):
        catalogue.next_version([f"2026-11-25-{number}" for number in range(2, 10)], TODAY)


def test_the_newest_file_of_each_folder_and_what_is_loaded_are_one_catalogue(put: Callable[..., Path]) -> None:
    shipped = put("2026-01-01", price(amount="1"), price(sku="aws:gone"))
    put("2026-03-01", price(amount="3"), price(sku="aws:new"))
    own = put("2026-02-01", price(amount="2"), price(region="eu-central-1"), folder="own")
    prices.load(put("2026-01-15", price(amount="1.5"), price(sku="aws:loaded"), folder="elsewhere"))
    base = catalogue.newest([shipped, own])
    assert {key: row.amount for key, row in base.rows.items()} == {
        IPV4: Decimal(3),
        ("aws:new", "eu-west-1"): Decimal("0.005"),
        ("aws:ipv4", "eu-central-1"): Decimal("0.005"),
        ("aws:loaded", "eu-west-1"): Decimal("0.005"),
    }
    assert base.versions == {"2026-01-01", "2026-01-15", "2026-02-01", "2026-03-01"}


def test_only_the_providers_and_regions_asked_for_are_looked_up() -> None:
    base = base_of(price(), price(region="us-east-1"), price("aws:s3"), price("azure:ipv4", "eastus"))
    assert catalogue.wanted(base, ["aws", "gcp"], ["eu-west-1"]) == {
        "aws": {"eu-west-1": {"aws:ipv4", "aws:s3"}},
        "gcp": {},
    }


def test_a_new_region_is_looked_up_for_everything_its_one_provider_sells() -> None:
    base = base_of(price(), price("aws:s3", "us-east-1"), price("azure:ipv4", "eastus"))
    assert catalogue.wanted(base, ["aws"], ["eu-central-1"]) == {"aws": {"eu-central-1": {"aws:ipv4", "aws:s3"}}}
    with pytest.raises(
        BadRequest, match=r"No price is known in eu-central-1\. Known are: eastus, eu-west-1, us-east-1"
    ):
        catalogue.wanted(base, ["aws", "azure"], ["eu-central-1"])


def test_a_file_is_written_as_it_is_read(put: Callable[..., Path]) -> None:
    rows = [price(sku="b:free", amount="0", source='a "quoted", source'), price(sku="a", amount="0.100000")]
    directory = put("2026-01-01", *rows)
    assert [path.name for path in directory.iterdir()] == ["prices-2026-01-01.csv"]
    assert (directory / "prices-2026-01-01.csv").read_text() == (
        "sku,region,unit,amount,currency,source,as_of,is_approximate\n"
        "a,eu-west-1,hour,0.1,USD,a copy,2026-07-10,true\n"
        'b:free,eu-west-1,hour,0,USD,"a ""quoted"", source",2026-07-10,true\n'
    )


def test_a_file_that_could_not_be_loaded_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(prices.BadPriceFile, match="every column needs a value"):
        catalogue.write({IPV4: price(source="")}, tmp_path, "2026-01-01")
    assert list(tmp_path.iterdir()) == []
