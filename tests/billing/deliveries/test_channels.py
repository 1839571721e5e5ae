"""Channels through the API, where their services show whole: made, changed, tried, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from billing import channels, deliveries, safe_http
from billing.models import Alert, Channel, Delivery

from .receiver import Receiver

pytestmark = pytest.mark.django_db

URL = "https://1.1.1.1/hooks/very-secret-path"
LIST = "/api/v1/billing/channels"


@pytest.fixture
def owner(api: Callable[..., APIClient], tenant: SimpleNamespace) -> APIClient:
    return api(tenant.owner)


def add(client: APIClient, **given: Any) -> Any:
    return client.post(LIST, {"name": "Hook", "kind": "webhook", "address": URL, **given})


def errors_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


def test_owners_and_admins_are_a_channel_from_the_beginning(owner: APIClient) -> None:
    [team] = owner.get(LIST).json()["results"]

    assert (team["name"], team["kind"], team["is_active"]) == ("Owners and admins", "team", True)


def test_a_webhooks_secret_is_in_one_answer_and_its_address_in_none(owner: APIClient) -> None:
    made = add(owner)

    assert made.status_code == 201
    body = made.json()
    assert body["secret"].startswith("whsec_")
    assert len(body["secret"]) > 40
    assert body["hint"] == "https://1.1.1.1/…"
    later = owner.get(f"{LIST}/{body['id']}").json()
    assert "secret" not in later
    everything = json.dumps([body, later, owner.get(LIST).json()]) + "".join(
        json.dumps(event.data) + event.target_label for event in AuditEvent.objects.all()
    )
    assert "very-secret" not in everything
    assert body["secret"] not in json.dumps(later)
    assert AuditEvent.objects.filter(action="channel.create").count() == 1


def test_what_is_kept_is_sealed(owner: APIClient) -> None:
    made = add(owner).json()

    with connection_cursor() as cursor:
        cursor.execute("SELECT billing_channel::text FROM billing_channel")
        stored = "".join(row[0] for row in cursor.fetchall())
    assert "very-secret" not in stored
    assert made["secret"] not in stored
    channel = Channel.objects.get(pk=made["id"])
    assert (channel.address, channel.secret) == (URL, made["secret"])


def connection_cursor() -> Any:
    from django.db import connection

    return connection.cursor()


def test_every_wrong_field_is_named_at_once(owner: APIClient) -> None:
    assert errors_of(add(owner, name="Owners and ADMINS", address="http://127.0.0.1/")) == {
        "name": "This is the name of the channel that is there by itself.",
        "address": "The address must begin with https://.",
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": ["a"]}, "name"),
        ({"kind": "team"}, "kind"),
        ({"kind": "pigeon"}, "kind"),
        ({"kind": 5}, "kind"),
        ({"address": ""}, "address"),
        ({"address": "https://a\x00.test/"}, "address"),
        ({"address": "https://" + "a" * 5000}, "address"),
        ({"address": {"a": 1}}, "address"),
        ({"address": "https://10.0.0.1/"}, "address"),
        ({"address": "https://169.254.169.254/latest/meta-data/"}, "address"),
        ({"address": "https://[::ffff:127.0.0.1]/"}, "address"),
        ({"address": "https://localhost/"}, "address"),
        ({"address": "https://\ud800.test/"}, "address"),
        ({"kind": "email", "address": "somebody@else.test"}, "address"),
        ({"kind": "email", "address": "stranger@elsewhere.test"}, "address"),
        ({"kind": "email", "address": URL}, "address"),
        ({"kind": "slack", "address": "member@acme.test"}, "address"),
    ],
)
def test_bad_input_is_refused_with_its_field_and_nothing_is_kept(
    owner: APIClient, stranger: Any, given: dict[str, Any], field: str
) -> None:
    escaped = json.dumps({"name": "Hook", "kind": "webhook", "address": URL, **given})  # also lone surrogates
    answer = owner.post(LIST, escaped, content_type="application/json")

    assert set(errors_of(answer)) == {field}
    assert "very-secret" not in answer.content.decode()
    assert not Channel.objects.exclude(kind="team").exists()


def test_a_name_that_cannot_be_looked_up_now_may_be_kept(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise OSError

    monkeypatch.setattr(safe_http, "resolve", fail)

    assert add(owner, address="https://hooks.example.com/x").status_code == 201


def test_a_members_address_can_be_written_to_and_is_shown_in_part(owner: APIClient) -> None:
    made = add(owner, kind="email", address=" Member@ACME.test ").json()

    assert made["hint"] == "m…@acme.test"
    assert made["secret"] == ""
    assert Channel.objects.get(pk=made["id"]).address == "member@acme.test"


def test_a_name_is_taken_once_per_organization(owner: APIClient, api: Callable[..., APIClient], stranger: Any) -> None:
    assert add(owner).status_code == 201
    assert errors_of(add(owner)) == {"name": "There is a channel named “Hook” already."}
    assert add(api(stranger)).status_code == 201


def test_there_is_an_end_to_channels(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "MAX_CHANNELS", 2)
    add(owner, name="One")
    owner.get(LIST)

    assert "already: delete one" in errors_of(add(owner, name="Two"))["name"]


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_owners_and_admins_change_channels(
    api: Callable[..., APIClient], owner: APIClient, tenant: SimpleNamespace, role: str
) -> None:
    made, client = add(owner).json(), api(getattr(tenant, role))
    one = f"{LIST}/{made['id']}"

    answers = [
        add(client, name="Other"),
        client.patch(one, {"name": "New"}),
        client.delete(one),
        client.post(f"{one}/test"),
        client.post(f"{one}/rotate-secret"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert client.get(one).status_code == 200


def test_name_address_and_switch_can_be_changed(owner: APIClient) -> None:
    made = add(owner).json()
    one = f"{LIST}/{made['id']}"

    changed = owner.patch(one, {"name": "Pager", "address": "https://1.0.0.1:8443/a", "is_active": False}).json()

    assert (changed["name"], changed["hint"], changed["is_active"]) == ("Pager", "https://1.0.0.1/…", False)
    channel = Channel.objects.get(pk=made["id"])
    assert (channel.address, channel.secret) == ("https://1.0.0.1:8443/a", made["secret"])
    event = AuditEvent.objects.get(action="channel.change")
    assert event.data == {"name": "Pager", "hint": "https://1.0.0.1/…", "is_active": False}
    assert errors_of(owner.patch(one, {"address": "https://10.0.0.1/"}))["address"].startswith("The server is in")


def test_switching_on_again_forgets_why_it_was_off(owner: APIClient) -> None:
    made = add(owner).json()
    Channel.objects.filter(pk=made["id"]).update(is_active=False, switched_off_because="410")

    changed = owner.patch(f"{LIST}/{made['id']}", {"is_active": True}).json()

    assert (changed["is_active"], changed["switched_off_because"]) == (True, "")


def test_the_teams_channel_can_be_switched_off_and_nothing_else(owner: APIClient) -> None:
    [team] = owner.get(LIST).json()["results"]
    one = f"{LIST}/{team['id']}"

    assert owner.patch(one, {"name": "Mine"}).status_code == 409
    assert owner.patch(one, {"address": "member@acme.test"}).status_code == 409
    assert owner.delete(one).status_code == 409
    assert owner.post(f"{one}/rotate-secret").status_code == 409
    assert owner.patch(one, {"is_active": False}).json()["is_active"] is False


def test_a_new_secret_is_shown_once_and_the_old_one_signs_for_a_day(owner: APIClient) -> None:
    made = add(owner).json()

    rotated = owner.post(f"{LIST}/{made['id']}/rotate-secret").json()

    assert rotated["secret"] not in {"", made["secret"]}
    channel = Channel.objects.get(pk=made["id"])
    now = timezone.now()
    assert channel.signing_secrets(now + timedelta(hours=23)) == [rotated["secret"], made["secret"]]
    assert channel.signing_secrets(now + timedelta(hours=25)) == [rotated["secret"]]


def test_a_secret_that_no_key_opens_any_more_can_be_rotated(owner: APIClient, settings: Any) -> None:
    made = add(owner).json()
    settings.FERNET_KEYS = ["another-key-of-the-platform-altogether"]

    rotated = owner.post(f"{LIST}/{made['id']}/rotate-secret")

    assert rotated.status_code == 200
    assert rotated.json()["secret"]


def test_a_test_arrives_and_is_in_the_delivery_log(owner: APIClient, hook_server: Receiver) -> None:
    made = add(owner, address=hook_server.url).json()

    put = owner.post(f"{LIST}/{made['id']}/test")
    assert put.status_code == 202
    assert owner.post(f"{LIST}/{made['id']}/test").status_code == 409, "one at a time"
    deliveries.deliver_due()

    [got] = hook_server.got
    assert got.is_signed_with(made["secret"])
    assert "owner@acme.test" in got.json["text"]
    [logged] = owner.get(f"/api/v1/billing/deliveries?channel={made['id']}").json()["results"]
    assert (logged["id"], logged["status"], logged["channel_name"]) == (put.json()["id"], "delivered", "Hook")
    assert [(each["number"], each["response_status"]) for each in logged["attempts"]] == [(1, 200)]


def test_a_channel_that_is_off_is_not_tested(owner: APIClient) -> None:
    made = add(owner).json()
    owner.patch(f"{LIST}/{made['id']}", {"is_active": False})

    assert owner.post(f"{LIST}/{made['id']}/test").status_code == 409
    assert Alert.objects.count() == 0


def test_delivering_again_is_a_delivery_of_its_own(
    owner: APIClient,
    hook_server: Receiver,
    say: Callable[..., Delivery],
) -> None:
    made = add(owner, address=hook_server.url).json()
    first = say(Channel.objects.get(pk=made["id"]))
    again = f"/api/v1/billing/deliveries/{first.pk}/redeliver"
    assert owner.post(again).status_code == 409, "still on its way"
    deliveries.deliver_due()

    second = owner.post(again)
    assert second.status_code == 202
    assert (second.json()["number"], second.json()["status"]) == (2, "waiting")
    assert second.json()["id"] != str(first.pk)
    deliveries.deliver_due()

    assert [got.delivery for got in hook_server.got] == [str(first.pk), second.json()["id"]]
    assert len({got.json["id"] for got in hook_server.got}) == 1
    assert AuditEvent.objects.filter(action="delivery.redeliver").count() == 1
    owner.patch(f"{LIST}/{made['id']}", {"is_active": False})
    assert owner.post(again).status_code == 409


def test_deleting_a_channel_takes_its_log_and_leaves_its_alerts(
    owner: APIClient,
    say: Callable[..., Delivery],
) -> None:
    made = add(owner).json()
    say(Channel.objects.get(pk=made["id"]))

    assert owner.delete(f"{LIST}/{made['id']}").status_code == 204
    assert (Delivery.objects.count(), Alert.objects.count()) == (0, 1)
    assert AuditEvent.objects.filter(action="channel.delete", target_label="Hook").count() == 1


def test_a_lost_key_does_not_keep_a_channel_from_being_seen_and_deleted(owner: APIClient, settings: Any) -> None:
    made = add(owner).json()
    settings.FERNET_KEYS = ["another"]

    assert owner.get(LIST).status_code == 200
    assert owner.patch(f"{LIST}/{made['id']}", {"is_active": False}).status_code == 200
    assert owner.delete(f"{LIST}/{made['id']}").status_code == 204


def test_new_keys_of_the_platform_open_what_old_ones_sealed(
    owner: APIClient, hook_server: Receiver, settings: Any
) -> None:
    made = add(owner, address=hook_server.url).json()
    settings.FERNET_KEYS = ["new", *settings.FERNET_KEYS]
    call_command("rotate_keys", verbosity=0)
    settings.FERNET_KEYS = ["new"]

    owner.post(f"{LIST}/{made['id']}/test")
    deliveries.deliver_due()

    assert hook_server.got[0].is_signed_with(made["secret"])


@pytest.mark.parametrize(
    "query", ["channel=x", "status=x", "kind=x", "alert=%00", "ordering=address", "channel=" + "1" * 500]
)
def test_a_list_is_narrowed_by_what_exists_only(owner: APIClient, query: str) -> None:
    assert owner.get(f"/api/v1/billing/deliveries?{query}").status_code == 400


def test_lists_take_as_many_queries_for_three_rows_as_for_one(
    owner: APIClient,
    say: Callable[..., Delivery],
    django_assert_max_num_queries: Any,
) -> None:
    def ask(path: str) -> int:
        with django_assert_max_num_queries(50) as captured:
            assert owner.get(path).status_code == 200
        return len(captured)

    with time_machine.travel(timezone.now(), tick=False):
        counts = []
        for number in range(3):
            made = add(owner, name=f"Hook {number}").json()
            say(Channel.objects.get(pk=made["id"]))
            deliveries.claim_next()
            owner.get(LIST)  # which makes the team's
            counts.append([ask(LIST), ask("/api/v1/billing/deliveries")])

    assert counts[0] == counts[2]
