"""What we know of each provider beside the modules: regions and machine types, as data files with their sources."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from .models import MachineType

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Region:
    id: str  # "eu-west-1"
    title: str  # "Ireland"
    geography: str  # "Europe"
    area: str  # "us-east": regions of one area stand in for each other when the provider is switched


@cache
def regions(provider: str) -> list[Region]:
    """Where ``provider``'s offerings can be ordered, in the order of the file."""
    return [Region(**row) for row in tomllib.loads((DATA / "regions.toml").read_text("utf-8")).get(provider, [])]


def load_machine_types() -> int:
    """Write data/machine_types.csv into the table; return how many rows it has. Rows of operators are left alone."""
    with (DATA / "machine_types.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            MachineType(
                provider=row["provider"],
                name=row["name"],
                vcpu=Decimal(row["vcpu"]),
                memory_gib=Decimal(row["memory_gib"]),
                arch=row["arch"],
            )
            for row in csv.DictReader(file)
        ]
    MachineType.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["provider", "name"],
        update_fields=["vcpu", "memory_gib", "arch"],
    )
    return len(rows)
