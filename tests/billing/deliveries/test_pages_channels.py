"""The pages of channels and their delivery logs, and what operators see of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import deliveries
from billing.models import Channel, Delivery

from .receiver import Receiver

pytestmark = pytest.mark.django_db

LIST = "/billing/channels/"
NEW = "/billing/channels/new/"
URL = "https://1.1.1.1/hooks/very-secret-path"


@pytest.fixture
def owner(sign_in: Callable[[User], Client], tenant: SimpleNamespace) -> Client:
    return sign_in(tenant.owner)


def add(client: Client, kind: str = "webhook", **given: str) -> Any:
    return client.post(f"{NEW}?kind={kind}", {"name": "Hook", "address": URL, **given})


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_a_new_organization_has_its_owners_and_admins_listed(owner: Client) -> None:
    page = text(owner.get(LIST))

    assert "Owners and admins" in page
    assert "nothing yet" in page
    assert NEW in page


def test_a_viewer_reads_and_is_offered_no_change(sign_in: Any, tenant: SimpleNamespace, owner: Client) -> None:
    add(owner)
    channel = Channel.objects.get(name="Hook")
    viewer = sign_in(tenant.viewer)

    pages = text(viewer.get(LIST)) + text(viewer.get(f"{LIST}{channel.pk}/"))

    assert "Hook" in pages
    for offer in ("Add a channel", "Send a test", "Switch off", "New secret", "Delete", "Deliver again"):
        assert offer not in pages
    assert viewer.get(NEW).status_code == 403


@pytest.mark.parametrize(("kind", "words"), [("email", "Member"), ("webhook", "Address"), ("slack", "Slack’s format")])
def test_the_form_asks_for_what_its_kind_needs(owner: Client, kind: str, words: str) -> None:
    page = text(owner.get(f"{NEW}?kind={kind}"))

    assert words in page
    assert ("owner@acme.test" in page.split("<main")[-1]) is (kind == "email")


@pytest.mark.parametrize("kind", ["team", "pigeon", "", "\x00"])
def test_any_other_kind_is_e_mail(owner: Client, kind: str) -> None:
    assert "Choose a member" in text(owner.get(NEW, {"kind": kind}))


def test_a_webhooks_secret_is_shown_once_with_how_to_check_it(owner: Client) -> None:
    made = add(owner)

    assert made.status_code == 201
    secret = str(Channel.objects.defer(None).get(name="Hook").secret)
    assert secret in text(made)
    assert "hmac.compare_digest" in text(made)
    assert "no-store" in made.headers["Cache-Control"]
    later = text(owner.get(f"{LIST}{Channel.objects.get(name='Hook').pk}/"))
    assert secret not in later
    assert "very-secret" not in text(made) + later + text(owner.get(LIST))


def test_what_is_wrong_is_said_at_its_field_and_the_address_is_not_shown_again(owner: Client) -> None:
    answer = add(owner, name="Owners and admins", address="https://10.0.0.1/very-secret-path")

    assert answer.status_code == 422
    page = text(answer)
    assert "there by itself" in page
    assert "private or reserved network" in page
    assert 'value="Owners and admins"' in page
    assert "very-secret" not in page


@pytest.mark.parametrize(
    "given", [{"name": "a\x00"}, {"address": "https://\x00"}, {"name": "x" * 500}, {"address": ""}]
)
def test_bad_input_is_answered_with_the_form(owner: Client, given: dict[str, str]) -> None:
    assert add(owner, **given).status_code == 422
    assert not Channel.objects.filter(kind="webhook").exists()


def test_a_member_is_chosen_for_mail(owner: Client) -> None:
    made = add(owner, kind="email", address="member@acme.test")

    channel = Channel.objects.get(name="Hook")
    assert made.headers["Location"] == f"{LIST}{channel.pk}/"
    assert (channel.kind, channel.hint, channel.address) == ("email", "m…@acme.test", "member@acme.test")
    assert add(owner, kind="email", name="Other", address="evil@else.test").status_code == 422


def test_an_empty_address_stays_as_it_was(owner: Client) -> None:
    add(owner)
    channel = Channel.objects.get(name="Hook")
    edit = f"{LIST}{channel.pk}/edit/"
    page = text(owner.get(edit))
    assert 'value="Hook"' in page
    assert "very-secret" not in page

    assert owner.post(edit, {"name": "Pager", "address": ""}).status_code == 302
    assert [(each.name, str(each.address)) for each in Channel.objects.filter(pk=channel.pk)] == [("Pager", URL)]
    assert owner.post(edit, {"name": "", "address": ""}).status_code == 422


def test_the_teams_channel_has_no_form_and_is_switched(owner: Client) -> None:
    owner.get(LIST)
    team = f"{LIST}{Channel.objects.get().pk}/"

    assert owner.get(f"{team}edit/").status_code == 302
    assert "Delete" not in text(owner.get(team))
    owner.post(f"{team}delete/")
    owner.post(f"{team}secret/")
    assert "cannot be deleted" in text(owner.get(team))
    owner.post(f"{team}switch/", {"on": "0"})
    assert "owners and admins get no alerts by e-mail" in text(owner.get(team))
    owner.post(f"{team}switch/", {"on": "1"})
    assert Channel.objects.get().is_active


def test_a_new_secret_is_shown_once_and_says_that_both_sign(owner: Client) -> None:
    add(owner)
    channel = Channel.objects.get(name="Hook")
    before = str(channel.secret)

    page = text(owner.post(f"{LIST}{channel.pk}/secret/"))

    now = str(Channel.objects.defer(None).get(pk=channel.pk).secret)
    assert now != before
    assert now in page
    later = text(owner.get(f"{LIST}{channel.pk}/"))
    assert "the one before signs as well until" in later
    assert now not in later
    Channel.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    assert "signs as well" not in text(owner.get(f"{LIST}{channel.pk}/"))


def test_a_test_is_seen_on_its_way_and_then_arrived(owner: Client, hook_server: Receiver) -> None:
    add(owner, address=hook_server.url)
    page = f"{LIST}{Channel.objects.get(name='Hook').pk}/"

    owner.post(f"{page}test/")
    waiting = text(owner.get(page))
    deliveries.deliver_due()
    arrived = text(owner.get(page))

    assert "Waiting" in waiting
    assert "every 3s" in waiting
    assert "accepted" in arrived
    assert "status 200" in arrived
    assert "every 3s" not in arrived
    part = owner.get(page, headers={"HX-Request": "true"})
    assert text(part).startswith('<section class="card" id="delivery-log"')
    assert "Delivered" in text(owner.get(LIST))


def test_a_failure_is_explained_and_can_be_delivered_again(
    owner: Client, hook: Channel, hook_server: Receiver, say: Callable[..., Delivery]
) -> None:
    hook_server.status = 404
    delivery = say(hook)
    deliveries.deliver_due()
    page = f"{LIST}{hook.pk}/"
    failed = text(owner.get(page))
    assert "The receiver knows no such address." in failed
    assert "Deliver again" in failed

    hook_server.status = 200
    assert owner.post(f"/billing/deliveries/{delivery.pk}/redeliver/").headers["Location"] == page
    assert "already on its way" in text(owner.post(f"/billing/deliveries/{delivery.pk}/redeliver/", follow=True))
    deliveries.deliver_due()

    assert "sent again, number 2" in text(owner.get(page))
    assert [row.status for row in hook.deliveries.order_by("number")] == ["failed", "delivered"]


def test_an_interrupted_attempt_and_the_next_try_are_told(
    owner: Client, hook: Channel, hook_server: Receiver, say: Callable[..., Delivery]
) -> None:
    hook_server.status = 500
    delivery = say(hook)
    deliveries.claim_next()
    assert "being sent" in text(owner.get(f"{LIST}{hook.pk}/"))
    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    deliveries.deliver_due()

    page = text(owner.get(f"{LIST}{hook.pk}/"))

    assert "the platform was interrupted" in page
    assert "next try" in page
    assert str(delivery.pk) in page


@pytest.mark.parametrize(("status", "shown"), [("failed", True), ("delivered", False), ("nonsense", True)])
def test_the_log_is_narrowed_by_status(
    owner: Client, hook: Channel, hook_server: Receiver, say: Callable[..., Delivery], status: str, shown: bool
) -> None:
    hook_server.status = 404
    say(hook)
    deliveries.deliver_due()

    page = text(owner.get(f"{LIST}{hook.pk}/", {"status": status}))

    assert ("Budget “All” is 80 % spent" in page) is shown
    assert ("No delivery has this status" in page) is not shown


def test_a_channel_is_deleted_with_its_log(owner: Client, hook: Channel, say: Callable[..., Delivery]) -> None:
    say(hook)

    assert owner.post(f"{LIST}{hook.pk}/delete/").headers["Location"] == LIST
    assert Delivery.objects.count() == 0


def test_pages_take_as_many_queries_for_three_rows_as_for_one(
    owner: Client, hook: Channel, say: Callable[..., Delivery], django_assert_max_num_queries: Any
) -> None:
    def ask(path: str) -> int:
        with django_assert_max_num_queries(60) as captured:
            assert owner.get(path).status_code == 200
        return len(captured)

    owner.get(LIST)
    counts = []
    for number in range(3):
        Channel.objects.create(account=hook.account, name=f"Other {number}", kind="slack", address=URL)
        say(hook)
        deliveries.deliver_due()
        counts.append([ask(LIST), ask(f"{LIST}{hook.pk}/")])

    assert counts[0] == counts[2]


def test_operators_see_where_alerts_go_and_nothing_that_is_sealed(
    sign_in: Any, hook: Channel, say: Callable[..., Delivery], settings: Any
) -> None:
    delivery = say(hook)
    deliveries.deliver_due()
    client = sign_in(User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery"))
    settings.FERNET_KEYS = ["lost"]  # nothing here may even try to open what is sealed

    pages = [
        client.get(f"/admin/billing/{path}")
        for path in ("channel/", f"channel/{hook.pk}/change/", "delivery/", f"delivery/{delivery.pk}/change/")
    ]

    assert [page.status_code for page in pages] == [200] * 4
    told = "".join(map(text, pages))
    assert "Hook" in told
    assert "very-secret" not in told
    assert "whsec" not in told
    assert client.post(f"/admin/billing/channel/{hook.pk}/change/", {"name": "x"}).status_code == 403
