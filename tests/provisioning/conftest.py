"""A shelf with the real modules and prices, a cloud account, credit, and orders on top of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.actors import Actor, system_actor
from billing import adjustments, prices
from billing import services as billing
from clouds import catalogue
from clouds.models import CloudAccount, CloudAccountStatus, OfferingVersion
from provisioning import services
from provisioning.models import Resource, Run

from .utilisation import Recorded

VM = {"region": "eu-west-1", "size": "small"}
BUCKET = {"region": "eu-west-1"}


def activate(run: Run, **fields: Any) -> Resource:
    Run.objects.filter(pk=run.pk).update(status="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    resource = Resource.objects.get(pk=run.resource_id)
    for name, value in {"status": "active", "activated_at": timezone.now(), **fields}.items():
        setattr(resource, name, value)
    resource.save()
    return resource


@pytest.fixture(autouse=True)
def _cold_price_table() -> Iterator[None]:
    """Prices of one test are not seen by the next."""
    prices.forget_table()
    adjustments.forget_table()
    yield
    prices.forget_table()
    adjustments.forget_table()


@pytest.fixture
def shelf(db: None) -> dict[str, OfferingVersion]:
    """The released modules by offering id, with their prices."""
    prices.load()
    return {version.offering_id: version for version in catalogue.load(settings.TERRAFORM_MODULES)}


@pytest.fixture
def cloud_account(tenant: SimpleNamespace) -> CloudAccount:
    return CloudAccount.objects.create(
        organization=tenant.organization,
        provider="aws",
        name="Main AWS",
        credentials={"access_key_id": "AKIAEXAMPLE", "secret_access_key": "made-up"},
        default_region="eu-west-1",
        status=CloudAccountStatus.VERIFIED,
    )


@pytest.fixture
def credit() -> Callable[..., None]:
    """``credit(organization, "500")`` tops it up."""

    def add(organization: Any, amount: str = "500") -> None:
        billing.top_up(
            organization=organization,
            amount=Decimal(amount),
            reference=f"test:{uuid.uuid4()}",
            actor=system_actor(organization),
        )

    return add


@pytest.fixture
def order(
    tenant: SimpleNamespace,
    shelf: dict[str, OfferingVersion],
    cloud_account: CloudAccount,
    credit: Callable[..., None],
    actor_for: Callable[..., Actor],
) -> Callable[..., Run]:
    """``order("web-1")`` asks for a small VM as the tenant's member, who has 500 USD; returns the queued run."""
    credit(tenant.organization)

    def place(name: str = "web-1", offering: str = "aws/vm", **changes: Any) -> Run:
        actor = changes.pop("actor", None) or actor_for(tenant.member)
        inputs = changes.pop("inputs", None) or (VM if offering == "aws/vm" else BUCKET)
        return services.request_resource(
            actor=actor,
            name=name,
            offering_version=shelf[offering],
            cloud_account=changes.pop("cloud_account", cloud_account),
            inputs=inputs,
            **changes,
        )

    return place


@pytest.fixture
def filled(shelf: dict[str, OfferingVersion], cloud_account: CloudAccount) -> dict[str, Any]:
    """A complete order form."""
    return {
        "name": "web-1",
        "offering": "aws/vm",
        "cloud_account": str(cloud_account.pk),
        "image": "ubuntu-24.04",
        "disk_gb": "20",
        "network": "default",
        **VM,
    }


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """What clouds say of how busy machines were."""
    stand_in = Recorded()
    monkeypatch.setattr("provisioning.sizing.looking.read_utilisation", stand_in)
    return stand_in


@pytest.fixture
def machine(order: Callable[..., Run], recorded: Recorded) -> Callable[..., Resource]:
    """``machine("web-1", cpu=6, memory=30)``: an active one of size "large" that is this busy."""

    def make(
        name: str = "web-1", *, size: str = "large", cpu: float = 6, memory: float | None = 30, **more: Any
    ) -> Any:
        instance = f"i-{name}"
        recorded.record(instance, cpu=cpu, memory=memory)
        return activate(order(name, inputs={**VM, "size": size}, **more), outputs={"instance_id": instance})

    return make
