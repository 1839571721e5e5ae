"""A delivery to a webhook, through the database and over a real connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AuditEvent
from billing import deliveries
from billing.deliveries import claiming, delivering, sending
from billing.models import Alert, Channel, ChannelKind, Delivery, DeliveryStatus

from .conftest import SECRET
from .receiver import Receiver

pytestmark = pytest.mark.django_db

Say = Callable[..., Delivery]
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def again(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_a_delivery_arrives_signed_and_is_kept_as_delivered(say: Say, hook: Channel, hook_server: Receiver) -> None:
    delivery = say(hook)

    assert deliveries.deliver_due()

    [got] = hook_server.got
    assert got.is_signed_with(SECRET)
    assert not got.is_signed_with("another")
    assert got.delivery == str(delivery.pk)
    assert got.json == {
        "id": str(delivery.alert_id),
        "delivery": str(delivery.pk),
        "kind": "budget",
        "severity": "warning",
        "key": delivery.alert.key,
        "subject": "Budget “All” is 80 % spent",
        "text": "80.00 of 100.00 USD are spent.\nThe month ends in 5 days.",
        "data": {"spent": "80.000000"},
        "organization": "acme",
        "created_at": delivery.alert.created_at.isoformat(),
    }
    [attempt] = delivery.log.all()
    assert (attempt.number, attempt.response_status, attempt.error) == (1, 200, "")
    assert attempt.milliseconds is not None
    assert again(delivery).status == DeliveryStatus.DELIVERED
    assert again(delivery).finished_at is not None


def test_what_is_delivered_is_not_sent_again(say: Say, hook: Channel, hook_server: Receiver) -> None:
    say(hook)
    deliveries.deliver_due()
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        deliveries.deliver_due()

    assert len(hook_server.got) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408, 425])
def test_a_passing_fault_is_tried_ten_times_with_one_id_and_then_given_up(
    say: Say, hook: Channel, hook_server: Receiver, status: int
) -> None:
    hook_server.status = status
    with time_machine.travel(NOW, tick=False) as clock:
        delivery = say(hook)
        deliveries.deliver_due()
        for _ in range(20):
            current = again(delivery)
            if current.status != DeliveryStatus.WAITING:
                break
            clock.move_to(current.next_attempt_at - timedelta(seconds=1))
            before = len(hook_server.got)
            deliveries.deliver_due()
            assert len(hook_server.got) == before, "too early"
            clock.move_to(current.next_attempt_at)
            deliveries.deliver_due()
        took = timezone.now() - NOW

    assert again(delivery).status == DeliveryStatus.FAILED
    assert len(hook_server.got) == 10
    assert {got.delivery for got in hook_server.got} == {str(delivery.pk)}
    assert {got.body for got in hook_server.got} == {hook_server.got[0].body}
    assert len({got.headers["skyvend-timestamp"] for got in hook_server.got}) == 10
    assert [attempt.response_status for attempt in delivery.log.all()] == [status] * 10
    assert timedelta(hours=13) < took < timedelta(hours=24)


def test_a_receiver_that_comes_back_gets_it(say: Say, hook: Channel, hook_server: Receiver) -> None:
    hook_server.status = 503
    with time_machine.travel(NOW, tick=False) as clock:
        delivery = say(hook)
        deliveries.deliver_due()
        hook_server.status = 204
        clock.move_to(again(delivery).next_attempt_at)
        deliveries.deliver_due()

    assert again(delivery).status == DeliveryStatus.DELIVERED
    assert [(each.response_status, each.error) for each in delivery.log.all()] == [
        (503, "The receiver is not available at the moment."),
        (204, ""),
    ]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("600", timedelta(minutes=10)),
        ("Thu, 26 Nov 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("86400", timedelta(hours=1)),
        ("Thu, 26 Nov 2027 12:10:00 GMT", timedelta(hours=1)),
    ],
)
def test_retry_after_is_honoured_up_to_an_hour(
    say: Say, hook: Channel, hook_server: Receiver, header: str, wait: timedelta
) -> None:
    hook_server.status, hook_server.headers = 429, {"Retry-After": header}
    with time_machine.travel(NOW, tick=False):
        delivery = say(hook)
        deliveries.deliver_due()

    assert again(delivery).next_attempt_at - NOW == wait


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 409, 413, 422])
def test_a_refusal_fails_at_once_in_plain_words(say: Say, hook: Channel, hook_server: Receiver, status: int) -> None:
    hook_server.status = status
    delivery = say(hook)

    deliveries.deliver_due()

    assert again(delivery).status == DeliveryStatus.FAILED
    [attempt] = delivery.log.all()
    assert attempt.response_status == status
    assert attempt.error.startswith("The receiver ")
    assert len(hook_server.got) == 1


def test_gone_switches_the_channel_off_and_says_why(say: Say, hook: Channel, hook_server: Receiver) -> None:
    hook_server.status = 410
    first, second = say(hook), say(hook)

    deliveries.deliver_due()

    hook.refresh_from_db()
    assert not hook.is_active
    assert "410 Gone" in hook.switched_off_because
    assert AuditEvent.objects.filter(action="channel.switch_off", target_id=str(hook.pk)).count() == 1
    assert len(hook_server.got) == 1
    assert {again(first).status, again(second).status} == {DeliveryStatus.FAILED}


def test_what_a_channel_did_not_take_goes_to_owners_and_admins(
    say: Say, hook: Channel, hook_server: Receiver, mailoutbox: list[Any]
) -> None:
    hook_server.status = 404
    delivery = say(hook)

    deliveries.deliver_due()

    other = Delivery.objects.exclude(pk=delivery.pk).get(alert=delivery.alert_id)
    assert (other.channel.kind, other.status) == (ChannelKind.TEAM, DeliveryStatus.DELIVERED)
    assert sorted(mailoutbox[0].to) == ["admin@acme.test", "owner@acme.test"]


def test_a_test_that_failed_troubles_nobody_else(
    say: Say, hook: Channel, hook_server: Receiver, mailoutbox: list[Any]
) -> None:
    hook_server.status = 404
    say(hook, kind="test")

    deliveries.deliver_due()

    assert (Delivery.objects.count(), mailoutbox) == (1, [])


def test_an_address_in_a_private_network_fails_without_a_connection(
    say: Say, hook: Channel, hook_server: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_NETWORKS = []
    delivery = say(hook)

    deliveries.deliver_due()

    assert hook_server.got == []
    assert "private or reserved network" in delivery.log.get().error


def test_two_secrets_sign_while_a_receiver_changes_over(say: Say, hook: Channel, hook_server: Receiver) -> None:
    hook.previous_secret, hook.previous_secret_until = "the-old-one", timezone.now() + timedelta(hours=1)
    hook.save()
    say(hook)
    deliveries.deliver_due()
    hook.previous_secret_until = timezone.now() - timedelta(seconds=1)
    hook.save()
    say(hook)
    deliveries.deliver_due()

    during, after = hook_server.got
    assert during.is_signed_with(SECRET)
    assert during.is_signed_with("the-old-one")
    assert after.is_signed_with(SECRET)
    assert not after.is_signed_with("the-old-one")


def test_slack_gets_blocks_in_which_nothing_can_be_smuggled(say: Say, account: Any, hook_server: Receiver) -> None:
    chat = Channel.objects.create(account=account, name="Chat", kind=ChannelKind.SLACK, address=hook_server.url)
    say(chat, subject="x" * 200, text="<!channel> & <https://evil.test|bank>")

    deliveries.deliver_due()

    sent = hook_server.got[0].json
    header, section, context = sent["blocks"]
    assert header["type"] == "header"
    assert len(header["text"]["text"]) <= 150
    assert section["text"] == {"type": "mrkdwn", "text": "&lt;!channel&gt; &amp; &lt;https://evil.test|bank&gt;"}
    assert "Acme" in context["elements"][0]["text"]
    assert "<!channel>" not in sent["text"]


def test_an_empty_text_is_something_slack_accepts(say: Say, account: Any, hook_server: Receiver) -> None:
    chat = Channel.objects.create(account=account, name="Chat", kind=ChannelKind.SLACK, address=hook_server.url)
    say(chat, text="")

    deliveries.deliver_due()

    assert hook_server.got[0].json["blocks"][1]["text"]["text"] == " "


def test_a_dead_workers_delivery_is_sent_again_under_its_id_when_the_lease_ends(
    say: Say, hook: Channel, hook_server: Receiver, settings: Any
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        delivery = say(hook)
        claimed = claiming.claim_next()
        assert claimed == delivery  # and its worker dies here
        deliveries.deliver_due()
        assert hook_server.got == []
        clock.shift(timedelta(seconds=settings.ALERT_LEASE + 1))
        deliveries.deliver_due()

    assert [got.delivery for got in hook_server.got] == [str(delivery.pk)]
    assert [(each.number, each.milliseconds is None) for each in delivery.log.all()] == [(1, True), (2, False)]
    assert (again(delivery).attempts, again(delivery).failures) == (2, 0)


def test_a_late_worker_does_not_undo_what_another_did(say: Say, hook: Channel, settings: Any) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        delivery = say(hook)
        late = claiming.claim_next()
        assert late is not None
        clock.shift(timedelta(seconds=settings.ALERT_LEASE + 1))
        second = claiming.claim_next()
        assert second is not None
        claiming.settle(late, sending.to_retry("too late"), 1)
        assert again(delivery).failures == 0, "the lease is somebody else's"
        claiming.settle(second, sending.DELIVERED, 1)
        claiming.settle(late, sending.failed("much too late"), 1)

    assert again(delivery).status == DeliveryStatus.DELIVERED


def test_a_late_workers_success_counts(say: Say, hook: Channel, settings: Any) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        delivery = say(hook)
        late = claiming.claim_next()
        assert late is not None
        clock.shift(timedelta(seconds=settings.ALERT_LEASE + 1))
        second = claiming.claim_next()
        assert second is not None
        claiming.settle(late, sending.DELIVERED, 1)
        claiming.settle(second, sending.to_retry("The receiver had a fault."), 1)

    assert again(delivery).status == DeliveryStatus.DELIVERED


def test_one_thing_at_a_time_goes_to_a_channel(say: Say, hook: Channel, account: Any, hook_server: Receiver) -> None:
    """So a receiver that does not answer keeps one thread and no more."""
    other = Channel.objects.create(account=account, name="Chat", kind=ChannelKind.SLACK, address=hook_server.url)
    first, _second, third = say(hook), say(hook), say(other)

    assert [claiming.claim_next(), claiming.claim_next(), claiming.claim_next()] == [first, third, None]


def test_a_fault_of_ours_loses_nothing_and_holds_up_nobody(
    say: Say, hook: Channel, hook_server: Receiver, account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Channel.objects.create(account=account, name="Chat", kind=ChannelKind.SLACK, address=hook_server.url)
    broken, good = say(hook), say(other)

    def fail(*args: Any) -> Any:
        raise KeyError("whatever")

    monkeypatch.setitem(sending.SENDERS, ChannelKind.WEBHOOK, fail)
    deliveries.deliver_due()

    assert again(good).status == DeliveryStatus.DELIVERED
    assert (again(broken).status, again(broken).failures) == (DeliveryStatus.WAITING, 1)
    assert "fault of the platform" in broken.log.get().error


def test_an_address_under_a_lost_key_fails_in_words(say: Say, hook: Channel, settings: Any) -> None:
    delivery = say(hook)
    settings.FERNET_KEYS = ["another-key-than-before"]

    deliveries.deliver_due()

    assert "cannot be read any more" in delivery.log.get().error


def test_a_channel_deleted_while_it_is_sent_to_troubles_nobody(
    say: Say, hook: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(hook)

    def send(delivery: Delivery) -> Any:
        Channel.objects.get(pk=delivery.channel_id).delete()
        return sending.DELIVERED

    monkeypatch.setattr(delivering, "send", send)

    assert deliveries.deliver_due()
    assert (Delivery.objects.count(), Alert.objects.count()) == (0, 1)


def test_no_address_and_no_secret_is_in_a_log_or_an_error(
    say: Say, hook: Channel, hook_server: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for status in (200, 302, 404, 500, 410):
        hook_server.status = status
        hook.is_active = True
        hook.save()
        say(hook)
        deliveries.deliver_due()

    told = caplog.text + json.dumps([each.error for row in Delivery.objects.all() for each in row.log.all()])
    assert "alert delivery" in caplog.text
    assert "very-secret" not in told
    assert SECRET not in told
