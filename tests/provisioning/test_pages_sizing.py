"""The page of proposals, the notice on a resource, and the click that fills in the form of a change."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from clouds.models import CloudAccount
from provisioning import services, tasks
from provisioning.models import Resource, SizingProposal, SizingReading
from tests.billing.agreeing import agree

from .conftest import activate

SignIn = Callable[[User], Client]
Make = Callable[..., Resource]


@pytest.fixture
def proposed(machine: Make, cloud_account: CloudAccount) -> SizingProposal:
    machine("web-1")
    services.look_at_account(cloud_account)
    return SizingProposal.objects.get()


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("\xa0", " ").split())


def test_the_page_says_what_could_be_saved_why_and_where_to_look(
    proposed: SizingProposal, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    said = text_of(sign_in(tenant.member).get("/sizing/"))

    assert f"{proposed.saving:.2f} USD" in said
    assert "t3.large → <strong>t3.medium</strong>" in said
    assert proposed.reason in said
    assert f'href="/resources/{proposed.resource_id}/update/?proposal={proposed.pk}"' in said
    assert "Every machine looked at" in said


def test_a_viewer_sees_proposals_and_no_buttons(
    proposed: SizingProposal, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    said = text_of(sign_in(tenant.viewer).get("/sizing/"))

    assert proposed.reason in said
    assert "Preview the change" not in said
    assert "Dismiss" not in said
    assert "Look again" not in said


def test_the_total_counts_savings_only(
    machine: Make, proposed: SizingProposal, cloud_account: CloudAccount, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    machine("busy", size="small", cpu=95)
    services.look_at_account(cloud_account)

    answer = sign_in(tenant.member).get("/sizing/")

    assert answer.context["total"] == proposed.saving
    assert [each.direction for each in answer.context["proposals"]] == ["smaller", "larger"]
    assert "more a month" in text_of(answer)


def test_without_machines_the_page_says_what_is_needed(tenant: SimpleNamespace, sign_in: SignIn, shelf: Any) -> None:
    said = text_of(sign_in(tenant.member).get("/sizing/"))

    assert "There is no virtual machine to look at" in said
    assert "seven of the last fourteen days" in said
    assert 'href="/resources/new/vm/"' in said


def test_before_the_first_look_and_when_all_fits_the_page_says_so(
    machine: Make, cloud_account: CloudAccount, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(tenant.member)
    machine("web-1", cpu=28, memory=60)
    assert "No machine was looked at yet" in text_of(client.get("/sizing/"))

    services.look_at_account(cloud_account)

    said = text_of(client.get("/sizing/"))
    assert "Nothing to propose" in said
    assert "p95 CPU 28 % and memory 60 % over 14 days." in said


def test_the_list_costs_the_same_queries_for_one_machine_and_for_three(
    machine: Make,
    cloud_account: CloudAccount,
    tenant: SimpleNamespace,
    sign_in: SignIn,
    django_assert_max_num_queries: Any,
) -> None:
    client = sign_in(tenant.member)
    machine("web-1")
    services.look_at_account(cloud_account)
    client.get("/sizing/")
    with django_assert_max_num_queries(50) as one:
        client.get("/sizing/")
    for name in ("web-2", "web-3"):
        machine(name)
    services.look_at_account(cloud_account)
    with django_assert_max_num_queries(len(one)) as three:
        client.get("/sizing/")
    assert len(three) == len(one)


def test_the_resource_says_it_and_one_click_fills_in_the_change(
    proposed: SizingProposal, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(tenant.member)
    page = text_of(client.get(f"/resources/{proposed.resource_id}/"))
    assert proposed.reason in page
    link = f"/resources/{proposed.resource_id}/update/?proposal={proposed.pk}"
    assert link in page

    form = client.get(link)

    said = text_of(form)
    assert form.context["inputs_form"]["size"].value() == "medium"
    assert form.context["quoted"].monthly == proposed.monthly_after
    assert form.context["monthly_before"] == proposed.monthly_before
    assert [(each.field, each.in_place) for each in form.context["changes"]] == [("size", True)]
    assert form.context["reason"] == ""  # the button is on
    assert "Filled in as proposed" in said
    assert "The machine stops and starts again" in said
    assert Resource.objects.get().inputs["size"] == "large"


def test_a_change_made_since_is_kept_in_the_form(
    proposed: SizingProposal, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    resource = Resource.objects.get()
    activate(resource.runs.get(), inputs={**resource.inputs, "disk_gb": 77})

    form = sign_in(tenant.member).get(f"/resources/{resource.pk}/update/?proposal={proposed.pk}")

    assert (form.context["inputs_form"]["disk_gb"].value(), form.context["inputs_form"]["size"].value()) == (
        77,
        "medium",
    )


def test_a_closed_or_foreign_proposal_leaves_the_form_as_it_is(
    proposed: SizingProposal, tenant: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(tenant.member)
    address = f"/resources/{proposed.resource_id}/update/"
    SizingProposal.objects.update(status="stale")

    form = client.get(f"{address}?proposal={proposed.pk}")

    assert form.context["inputs_form"]["size"].value() == "large"
    assert "not open any more" in text_of(form)
    assert client.get(f"{address}?proposal=nonsense").status_code == 404


def test_dismissing_asks_why_and_keeps_it(proposed: SizingProposal, tenant: SimpleNamespace, sign_in: SignIn) -> None:
    client, address = sign_in(tenant.member), f"/sizing/{proposed.pk}/dismiss/"

    refused = client.post(address, {"reason": ""})
    assert (refused.status_code, SizingProposal.objects.get().status) == (422, "open")

    answer = client.post(address, {"reason": "Load test in May"}, follow=True)

    assert "web-1 stays t3.large" in text_of(answer)
    assert "Load test in May" in text_of(answer)  # in the table of machines
    assert SizingProposal.objects.get().status == "dismissed"
    assert "not open any more" in text_of(client.post(address, {"reason": "again"}, follow=True))


def test_look_again_has_all_machines_looked_at(
    proposed: SizingProposal,
    tenant: SimpleNamespace,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(tasks.propose_sizes, "send", lambda: rung.append(True))

    with django_capture_on_commit_callbacks(execute=True):
        answer = sign_in(tenant.member).post("/sizing/look/", follow=True)

    assert "being looked at" in text_of(answer)
    assert rung == [True]
    assert SizingReading.objects.get().read_at.year == 1970


def test_the_saving_is_at_the_prices_agreed_with_the_tenant(
    machine: Make, cloud_account: CloudAccount, tenant: SimpleNamespace
) -> None:
    agree(tenant.organization, "-50")
    resource = machine("web-1")
    listed = services.price_of(resource.offering_version, {**resource.inputs, "size": "medium"}).monthly

    services.look_at_account(cloud_account)

    made = SizingProposal.objects.get()
    assert made.monthly_before == resource.monthly_cost
    assert made.monthly_after == pytest.approx(listed / 2, abs=Decimal("0.000002"))
