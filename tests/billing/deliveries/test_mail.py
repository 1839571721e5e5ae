from __future__ import annotations

import smtplib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail

from billing import deliveries
from billing.models import Channel, ChannelKind, Delivery, DeliveryStatus

pytestmark = pytest.mark.django_db

Say = Callable[..., Delivery]


@pytest.fixture
def letter(account: Any) -> Channel:
    return Channel.objects.create(account=account, name="Me", kind=ChannelKind.EMAIL, address="member@acme.test")


def test_owners_and_admins_get_one_message(say: Say, mailoutbox: list[Any]) -> None:
    delivery = say(text="<b>80</b> of 100 USD & more")

    deliveries.deliver_due()

    [message] = mailoutbox
    assert message.to == ["admin@acme.test", "owner@acme.test"]
    assert message.subject == "[Acme] Budget “All” is 80 % spent"
    assert "<b>80</b> of 100 USD & more" in message.body
    [(html, kind)] = message.alternatives
    assert kind == "text/html"
    assert "&lt;b&gt;80&lt;/b&gt; of 100 USD &amp; more" in html
    assert message.extra_headers["Message-ID"] == f"<{delivery.pk}@localhost>"
    assert Delivery.objects.get().status == DeliveryStatus.DELIVERED


def test_the_message_has_the_same_id_in_every_attempt(
    say: Say, letter: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def refuse(self: Any, messages: list[Any]) -> int:
        sent.append(messages[0].message()["Message-ID"])
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    delivery = say(letter)
    for _ in range(2):
        deliveries.deliver_due()
        Delivery.objects.update(next_attempt_at=delivery.created_at)

    assert len(sent) == 2
    assert set(sent) == {f"<{delivery.pk}@localhost>"}


def test_only_members_are_written_to(say: Say, letter: Channel, tenant: SimpleNamespace, mailoutbox: list[Any]) -> None:
    say(letter)
    deliveries.deliver_due()
    assert [message.to for message in mailoutbox] == [["member@acme.test"]]

    tenant.member.memberships.all().delete()
    delivery = say(letter)
    deliveries.deliver_due()

    assert Delivery.objects.get(pk=delivery.pk).status == DeliveryStatus.FAILED
    assert "no member" in delivery.log.get().error
    assert [message.to for message in mailoutbox[1:]] == [["admin@acme.test", "owner@acme.test"]]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (smtplib.SMTPServerDisconnected(), "waiting", "could not be reached"),
        (ConnectionRefusedError(), "waiting", "could not be reached"),
        (TimeoutError(), "waiting", "could not be reached"),
        (smtplib.SMTPDataError(451, b"later member@acme.test"), "waiting", "answered 451"),
        (smtplib.SMTPDataError(554, b"spam member@acme.test"), "failed", "answered 554"),
        (smtplib.SMTPRecipientsRefused({"member@acme.test": (550, b"no")}), "failed", "does not accept"),
        (smtplib.SMTPRecipientsRefused({"member@acme.test": (450, b"full")}), "waiting", "does not accept"),
        (smtplib.SMTPAuthenticationError(535, b"bad key"), "failed", "answered 535"),
    ],
)
def test_what_a_mail_server_says_is_understood(
    say: Say, letter: Channel, monkeypatch: pytest.MonkeyPatch, error: Exception, status: str, words: str
) -> None:
    def fail(self: Any, messages: list[Any]) -> int:
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
    delivery = say(letter)

    deliveries.deliver_due(seconds=0.5)

    assert Delivery.objects.get(pk=delivery.pk).status == status
    assert words in delivery.log.get().error
    assert "member@acme.test" not in delivery.log.get().error
    assert mail.outbox == []
