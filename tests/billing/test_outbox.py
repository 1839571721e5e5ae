from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Organization
from billing import outbox, services
from billing.models import Account, Alert, AlertKind, Channel, ChannelKind, Delivery, Severity

pytestmark = pytest.mark.django_db

Announce = Callable[..., Alert | None]


@pytest.fixture
def account(organization: Organization) -> Account:
    return services.account_of(organization)


@pytest.fixture
def announce(account: Account) -> Announce:
    def say(key: str = "budget:1:2026-11:actual:80", **given: Any) -> Alert | None:
        words: dict[str, Any] = {"kind": AlertKind.BUDGET, "severity": Severity.WARNING, "subject": "80 % spent"}
        return outbox.announce(
            **{"account": account, "key": key, "text": "…", "data": {}, "channels": [], **words, **given}
        )

    return say


@pytest.fixture
def hook(account: Account) -> Channel:
    return Channel.objects.create(account=account, name="Hook", kind=ChannelKind.WEBHOOK, address="https://a.test/b")


def test_an_alert_gets_a_delivery_to_each_of_its_channels(announce: Announce, account: Account, hook: Channel) -> None:
    second = Channel.objects.create(account=account, name="Chat", kind=ChannelKind.SLACK, address="https://a.test/c")

    alert = announce(channels=[hook, second], data={"spent": "80.00"})

    assert alert is not None
    assert {each.channel.name for each in alert.deliveries.select_related("channel")} == {"Hook", "Chat"}
    assert Alert.objects.get().data == {"spent": "80.00"}


def test_a_key_is_said_once_and_the_callers_transaction_goes_on(announce: Announce, organization: Organization) -> None:
    assert announce() is not None
    with transaction.atomic():
        assert announce(subject="again") is None
        organization.name = "Changed after it"
        organization.save()

    assert Organization.objects.get(pk=organization.pk).name == "Changed after it"
    assert (Alert.objects.count(), Delivery.objects.count()) == (1, 1)


def test_another_accounts_key_is_another_one(announce: Announce) -> None:
    other = services.account_of(Organization.objects.create(name="Other", slug="other"))

    assert announce() is not None
    assert announce(account=other) is not None


def test_nothing_is_said_when_the_transaction_of_the_caller_fails(announce: Announce) -> None:
    def fail() -> None:
        with transaction.atomic():
            announce()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert (Alert.objects.count(), Delivery.objects.count()) == (0, 0)


def test_without_channels_it_goes_to_owners_and_admins(announce: Announce, account: Account) -> None:
    announce("one")
    announce("two")

    team = account.channels.get()
    assert (team.kind, team.name) == (ChannelKind.TEAM, "Owners and admins")
    assert Delivery.objects.filter(channel=team).count() == 2


def test_an_alert_whose_channels_are_all_off_still_reaches_the_team(announce: Announce, hook: Channel) -> None:
    hook.is_active = False
    hook.save()

    announce(channels=[hook])

    assert Delivery.objects.get().channel.kind == ChannelKind.TEAM


def test_a_team_that_switched_its_mails_off_gets_none(announce: Announce, account: Account) -> None:
    team = outbox.team_channel(account)
    team.is_active = False
    team.save()

    assert announce() is not None
    assert Delivery.objects.count() == 0


def test_a_subject_is_one_short_line(announce: Announce) -> None:
    alert = announce(subject="a\r\nBcc: someone\n" + "x" * 300)

    assert alert is not None
    assert alert.subject.startswith("a Bcc: someone x")
    assert len(alert.subject) == 200


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_says_it(organization: Organization, announce: Announce) -> None:
    said: list[Alert | None] = []
    barrier = threading.Barrier(8)

    def say() -> None:
        barrier.wait()
        said.append(announce())
        connection.close()

    threads = [threading.Thread(target=say) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([alert for alert in said if alert]) == 1
    assert (Alert.objects.count(), Delivery.objects.count()) == (1, 1)
