from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from billing import outbox, services
from billing.models import Account, AlertKind, Channel, ChannelKind, Delivery, Severity

from .receiver import Receiver, receiver

SECRET = "whsec_of-the-tests"


@pytest.fixture
def account(tenant: SimpleNamespace) -> Account:
    return services.account_of(tenant.organization)


@pytest.fixture
def loopback(settings: Any) -> None:
    """What an operator may allow."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_ALLOW_HTTP = True


@pytest.fixture
def hook_server(loopback: None) -> Iterator[Receiver]:
    with receiver() as told:
        yield told


@pytest.fixture
def hook(account: Account, hook_server: Receiver) -> Channel:
    return Channel.objects.create(
        account=account, name="Hook", kind=ChannelKind.WEBHOOK, address=hook_server.url, secret=SECRET, hint="…"
    )


@pytest.fixture
def say(account: Account) -> Callable[..., Delivery]:
    """``say(channel)`` announces something to it and returns the delivery."""

    def announce(*channels: Channel, **given: Any) -> Delivery:
        usual = {
            "kind": AlertKind.BUDGET, "severity": Severity.WARNING, "subject": "Budget “All” is 80 % spent",
            "text": "80.00 of 100.00 USD are spent.\nThe month ends in 5 days.", "data": {"spent": "80.000000"},
            "key": f"test:{uuid.uuid4()}",
        }  # fmt: skip
        alert = outbox.announce(account=account, channels=channels, **{**usual, **given})
        assert alert is not None
        return alert.deliveries.select_related("channel", "alert__account__organization").order_by("pk")[0]

    return announce
