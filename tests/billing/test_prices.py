import csv
import re
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from billing import prices
from billing.models import Price

pytestmark = pytest.mark.django_db

ROW = {
    "sku": "aws:ipv4",
    "region": "eu-west-1",
    "unit": "hour",
    "amount": "0.005",
    "currency": "USD",
    "source": "price list",
    "as_of": "2026-07-10",
    "is_approximate": "false",
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """``write("2026-01-01", {...}, ...)`` makes a price file of rows that differ from ROW as given."""

    def make(version: str, *changes: dict[str, str]) -> Path:
        path = tmp_path / f"prices-{version}.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, prices.COLUMNS)
            writer.writeheader()
            writer.writerows({**ROW, **change} for change in changes)
        return tmp_path

    return make


def test_our_own_price_file_loads_once(django_assert_num_queries: Callable[..., object]):
    first = prices.load()
    assert first == {"2026-11-23": 87, "2026-11-24": 215}
    assert prices.load() == {"2026-11-23": 0, "2026-11-24": 0}
    assert Price.objects.filter(is_current=True).count() == 215


def test_our_own_price_file_prices_what_the_catalogue_sells_in_three_regions():
    prices.load()
    table = prices.current_table()
    for region in ("us-east-1", "eu-west-1", "ap-southeast-1"):
        sizes = ("micro", "small", "medium", "large", "xlarge", "2xlarge")
        skus = [f"aws:compute:t3.{size}" for size in sizes]
        skus += ["aws:disk:gp3", "aws:ipv4", "aws:s3:standard"]
        assert [sku for sku in skus if table.get(sku, region) is None] == []


def test_a_figure_without_a_vendor_source_is_marked_approximate():
    prices.load()
    weak = re.compile("memory|DERIVED|SECONDARY|NOT REGION-SPECIFIC")
    current = Price.objects.filter(is_current=True)
    assert [str(row) for row in current if row.is_approximate != bool(weak.search(f"{row.source} {row.as_of}"))] == []
    assert {row.sku for row in current if row.is_approximate} == {
        "aws:disk:gp3",
        "azure:aks:standard",
        "azure:disk:standard_ssd",
        "gcp:gke:control_plane",
    }
    assert not Price.objects.filter(source="").exists()


def test_a_newer_catalogue_makes_older_rows_not_current(write: Callable[..., Path]):
    directory = write("2026-01-01", {}, {"sku": "aws:gone"})
    prices.load(directory)
    write("2026-02-01", {"amount": "0.006"})
    assert prices.load(directory) == {"2026-01-01": 0, "2026-02-01": 1}
    assert list(Price.objects.filter(is_current=True).values_list("catalogue", "sku", "amount")) == [
        ("2026-02-01", "aws:ipv4", Decimal("0.006"))
    ]
    assert Price.objects.count() == 3


def test_an_older_release_started_again_does_not_bring_old_prices_back(write: Callable[..., Path]):
    directory = write("2026-02-01", {})
    prices.load(directory)
    (directory / "prices-2026-02-01.csv").unlink()
    prices.load(write("2026-01-01", {"amount": "0.001"}))
    assert prices.current_table().catalogue == "2026-02-01"


@pytest.mark.parametrize(
    "rows",
    [
        [{"amount": "0.006"}],
        [{"source": "another"}],
        [{"is_approximate": "true"}],
        [{}, {"region": "us-east-1"}],
        [{"region": "us-east-1"}],
    ],
    ids=["amount", "source", "approximate", "row added", "row removed"],
)
def test_a_released_version_cannot_change(write: Callable[..., Path], rows: list[dict[str, str]]):
    directory = write("2026-01-01", {})
    prices.load(directory)
    with pytest.raises(prices.BadPriceFile, match="A released version never changes"):
        prices.load(write("2026-01-01", *rows))
    assert [row.amount for row in Price.objects.all()] == [Decimal("0.005")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "year"}, "line 2: unit must be one of hour, gb_month"),
        ({"amount": "free"}, "line 2: amount must be a decimal number"),
        ({"amount": "NaN"}, "line 2: amount must be a decimal number"),
        ({"amount": "-1"}, "line 2: amount must not be negative"),
        ({"amount": "0.0000001"}, "at most 6 places"),
        ({"currency": "EUR"}, "line 2: currency must be one of USD"),
        ({"is_approximate": "maybe"}, "line 2: is_approximate must be true or false"),
        ({"source": ""}, "line 2: every column needs a value"),
    ],
)
def test_a_malformed_row_is_named(write: Callable[..., Path], change: dict[str, str], message: str):
    with pytest.raises(prices.BadPriceFile, match=message):
        prices.load(write("2026-01-01", change))
    assert Price.objects.count() == 0


def test_a_row_with_too_few_or_too_many_columns_is_named(tmp_path: Path):
    for line in ("aws:ipv4,eu-west-1", ",".join([*ROW.values(), "more"])):
        (tmp_path / "prices-1.csv").write_text(",".join(prices.COLUMNS) + "\n" + line + "\n")
        with pytest.raises(prices.BadPriceFile, match="line 2: every column needs a value"):
            prices.load(tmp_path)


def test_a_sku_is_listed_once_per_region(write: Callable[..., Path]):
    with pytest.raises(prices.BadPriceFile, match="listed twice"):
        prices.load(write("2026-01-01", {}, {}))


def test_a_file_with_other_columns_is_refused(tmp_path: Path):
    (tmp_path / "prices-1.csv").write_text("sku,region\n")
    with pytest.raises(prices.BadPriceFile, match="the columns must be sku, region, unit"):
        prices.load(tmp_path)


def test_no_price_file_is_an_error(tmp_path: Path):
    with pytest.raises(prices.BadPriceFile, match="no prices-<version>"):
        prices.load(tmp_path)


def test_the_price_table_is_read_once_a_minute(
    write: Callable[..., Path], django_assert_num_queries: Callable[[int], object]
):
    prices.load(write("2026-01-01", {}))
    prices.forget_table()
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        prices.current_table()
        prices.current_table()


def test_an_empty_catalogue_is_not_remembered(write: Callable[..., Path]):
    assert prices.current_table().get("aws:ipv4", "eu-west-1") is None
    prices.load(write("2026-01-01", {}))
    found = prices.current_table().get("aws:ipv4", "eu-west-1")
    assert found is not None
    assert found.amount == Decimal("0.005")


def test_only_one_price_per_sku_and_region_is_current():
    prices.load()
    row = Price.objects.filter(is_current=True).first()
    assert row is not None
    row.pk, row.catalogue = None, "2030-01-01"
    with pytest.raises(IntegrityError):
        row.save()


def test_the_command_says_what_it_added(write: Callable[..., Path]):
    directory, out = write("2026-01-01", {}), StringIO()
    call_command("load_prices", directory=directory, stdout=out)
    call_command("load_prices", directory=directory, stdout=out)
    assert out.getvalue() == "Prices 2026-01-01: 1 added.\nPrices 2026-01-01: nothing new.\n"


def test_the_command_fails_with_the_reason(tmp_path: Path):
    with pytest.raises(CommandError, match="no prices-<version>"):
        call_command("load_prices", directory=tmp_path)
