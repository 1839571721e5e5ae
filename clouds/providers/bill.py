"""What a line of a bill says, whichever cloud wrote it, in FOCUS's terms.

Source: FinOps Open Cost and Usage Specification (FOCUS) 1.2: ChargeCategory, ServiceCategory, the four costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from .base import Credentials

USAGE, PURCHASE, TAX, CREDIT, ADJUSTMENT = "Usage", "Purchase", "Tax", "Credit", "Adjustment"
OTHER = "Other"
# Words in the clouds' names of their services, the first that fits wins. FOCUS counts containers as Compute.
CATEGORIES = (
    ("Compute", ("ec2", "elastic compute", "compute engine", "virtual machine", "kubernetes", "container service")),
    ("Storage", ("s3", "simple storage", "storage", "disk", "backup", "file system")),
    (
        "Networking",
        ("virtual private cloud", "virtual network", "networking", "load balanc", "bandwidth", "ip address"),
    ),
    ("Networking", ("virtual private cloud", "virtual network", "networking", "load balanc", "bandwidth")),
    ("Networking", ("ip address", "data transfer", "nat gateway", "dns", "route 53", "cdn")),
    ("Databases", ("database", "rds", "relational", "dynamodb", "sql", "redis", "cache")),
    ("Security", ("key management", "key vault", "secret", "guardduty", "security", "defender")),
    ("Management and Governance", ("monitor", "cloudwatch", "logging", "cloudtrail", "cost explorer", "config")),
    ("Analytics", ("bigquery", "athena", "log analytics", "synapse")),
)


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line of a bill, of one day (UTC). Costs are signed, in ``currency``; None: the cloud does not say."""

    day: date
    service_name: str  # as the cloud calls it
    billed_cost: Decimal
    currency: str
    charge_category: str = USAGE
    region: str = ""
    sku: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    list_cost: Decimal | None = None
    contracted_cost: Decimal | None = None
    effective_cost: Decimal | None = None
    external_resource_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    is_estimated: bool = False  # the cloud itself says that this may still change

    @property
    def service_category(self) -> str:
        """FOCUS's ServiceCategory, told by the service's name."""
        name = self.service_name.lower()
        return next((category for category, words in CATEGORIES if any(word in name for word in words)), OTHER)


@dataclass(frozen=True, slots=True)
class BillQuestion:
    """Which days (UTC, both included), by which tag our resources are known, and where the bill is exported to."""

    first: date
    last: date
    tag: str
    export: str = ""  # "project.dataset.table" of BigQuery


class BillReader(Protocol):
    """Reads the bill of one cloud account. ``endpoint`` is the simulated cloud's, empty for the real one."""

    def __call__(self, credentials: Credentials, endpoint: str, asked: BillQuestion) -> Iterator[BillLine]:
        """Every line, in any order; one thing may come in several lines. Raises a ``CloudError``."""


def tags_of(tag: str, value: str) -> dict[str, str]:
    return {tag: value} if value else {}


def text(found: Mapping[str, object], name: str) -> str:
    """A value as text; empty where there is none."""
    value = found.get(name)
    return "" if value is None else str(value)
