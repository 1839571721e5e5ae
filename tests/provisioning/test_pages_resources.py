"""Dashboard, lists, the order form and the pages of a resource."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent, User
from billing.models import Hold
from clouds import catalogue
from clouds.models import CloudAccount, Offering
from provisioning.models import Resource, Run
from tests.provisioning.conftest import VM, activate

Order = Callable[..., Run]
SignIn = Callable[[User], Client]
HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db

ORDER_KEY = "form-5f0c2a4e-7d1b-4c3a-9e8f-0123456789ab"


# --- dashboard and list ---------------------------------------------------------------------------------------------


def test_an_empty_dashboard_leads_to_the_first_cloud_account(sign_in: SignIn, tenant: SimpleNamespace) -> None:
    assert "Connect a cloud account" in sign_in(tenant.owner).get("/").content.decode()
    assert "An owner or admin of your organization connects one" in sign_in(tenant.viewer).get("/").content.decode()


def test_the_dashboard_shows_what_runs_and_what_it_costs(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order
) -> None:
    run = order("web-1")
    client = sign_in(tenant.viewer)
    page = client.get("/").content.decode()
    assert "Running now" in page
    assert f"/runs/{run.pk}/" in page
    assert "waiting for a worker" in page
    part = client.get("/", headers=HTMX).content.decode()
    assert part.startswith('<div id="dashboard"')
    assert "<html" not in part


@pytest.mark.parametrize("path", ["/", "/resources/", "/runs/"])
def test_a_page_takes_the_same_queries_for_one_row_as_for_three(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order, path: str
) -> None:
    client = sign_in(tenant.member)
    order("web-1")
    client.get(path)
    with CaptureQueriesContext(connection) as one:
        client.get(path)
    for name in ("web-2", "web-3"):
        order(name)
    with CaptureQueriesContext(connection) as three:
        client.get(path)
    assert len(three) == len(one)


def test_the_list_is_filtered_and_hides_what_is_gone(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    activate(order("web-1"))
    activate(order("old-1"), status="destroyed")
    client = sign_in(tenant.viewer)

    def names(query: str) -> list[str]:
        return sorted(row.name for row in client.get(f"/resources/?{query}").context["page_obj"])

    assert names("") == ["web-1"]
    assert names("status=all") == ["old-1", "web-1"]
    assert names("status=destroyed") == ["old-1"]
    assert names("search=nothing") == []
    assert names("kind=bucket") == []
    assert names("ordering=-name&status=all&page=99") == ["old-1", "web-1"]


# --- ordering -------------------------------------------------------------------------------------------------------


def test_the_shelf_shows_the_kinds_on_offer(sign_in: SignIn, tenant: SimpleNamespace, shelf: dict) -> None:
    page = sign_in(tenant.member).get("/resources/new/").content.decode()
    assert "Virtual machine" in page
    assert "Storage bucket" in page
    assert "Kubernetes cluster" in page
    assert sign_in(tenant.viewer).get("/resources/new/").status_code == 403


def test_the_order_form_shows_the_price_and_a_button(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable
) -> None:
    credit(tenant.organization)
    page = sign_in(tenant.member).get("/resources/new/vm/").content.decode()
    assert "a month" in page
    assert "Source: " in page
    assert "data-order-button>Create" in page


def test_the_price_follows_the_form(sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable) -> None:
    credit(tenant.organization)
    client = sign_in(tenant.member)
    small = client.get("/resources/new/vm/price/", filled).context["quoted"]
    large = client.get("/resources/new/vm/price/", {**filled, "size": "large"}).context["quoted"]
    assert large.monthly > small.monthly > 0
    wrong = client.get("/resources/new/vm/price/", {**filled, "disk_gb": "3"})
    assert wrong.status_code == 200
    assert wrong.context["quoted"] is None
    assert "Disk" in wrong.context["problem"]


def test_the_button_is_off_with_the_reason(sign_in: SignIn, tenant: SimpleNamespace, filled: dict) -> None:
    panel = sign_in(tenant.member).get("/resources/new/vm/price/", filled)
    assert "Not enough credit" in panel.content.decode()
    assert " disabled" in panel.content.decode()


def test_without_a_cloud_account_the_button_is_off(
    sign_in: SignIn, tenant: SimpleNamespace, shelf: dict, credit: Callable
) -> None:
    credit(tenant.organization)
    assert "Connect a cloud account first" in sign_in(tenant.member).get("/resources/new/vm/").content.decode()


def test_an_order_leads_to_its_run(sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable) -> None:
    credit(tenant.organization)
    answer = sign_in(tenant.member).post("/resources/new/vm/", filled)
    run = Run.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run.pk}/")
    assert run.resource.name == "web-1"


def test_sending_the_same_form_twice_orders_once(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable
) -> None:
    credit(tenant.organization)
    client = sign_in(tenant.member)
    answers = [client.post("/resources/new/vm/", {**filled, "order_key": ORDER_KEY}) for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Run.objects.count() == 1


@pytest.mark.parametrize("page", ["/resources/new/bucket/", "/resources/new/bucket/price/"])
def test_a_name_that_is_unique_in_the_world_is_shown_before_it_is_ordered(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable, page: str
) -> None:
    credit(tenant.organization)
    client = sign_in(tenant.member)
    order = {"offering": "aws/bucket", "name": "logs", "region": "eu-west-1", "order_key": ORDER_KEY}
    shown = client.get(page, order).content.decode()
    client.post("/resources/new/bucket/", {**order, "expected_gb": 5, "cloud_account": filled["cloud_account"]})
    suffix = str(Run.objects.get().resource_id)[:8]
    assert f"<code>logs-{suffix}</code>" in shown


def test_without_a_valid_name_no_global_name_is_shown(sign_in: SignIn, tenant: SimpleNamespace, filled: dict) -> None:
    order = {"offering": "aws/bucket", "name": "Not A Name", "order_key": ORDER_KEY}
    shown = sign_in(tenant.member).get("/resources/new/bucket/price/", order).content.decode()
    assert "<code>" not in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Not A Name"}, "A name has 3 to 40"),
        ({"name": "Not A Name", "disk_gb": "3"}, "A name has 3 to 40"),
        ({"name": ""}, "This field is required"),
        ({"disk_gb": "3"}, "8"),
        ({"allow_ssh_from": "anyone"}, "anyone"),
        ({"cloud_account": "x"}, "valid"),
    ],
)
def test_a_bad_order_says_why_next_to_the_field_and_loses_nothing(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, credit: Callable, changes: dict, words: str
) -> None:
    credit(tenant.organization)
    answer = sign_in(tenant.member).post("/resources/new/vm/", {**filled, "size": "large", **changes})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'class="field-error"' in page
    assert words in page
    assert 'value="large" selected' in page
    assert (Run.objects.count(), Hold.objects.count()) == (0, 0)


def test_a_taken_name_and_missing_credit_are_said_on_the_form(
    sign_in: SignIn, tenant: SimpleNamespace, filled: dict, order: Order
) -> None:
    order("web-1")
    client = sign_in(tenant.member)
    assert "already exists" in client.post("/resources/new/vm/", filled).content.decode()
    dear = {**filled, "name": "web-2", "size": "", "machine_type": "m5.4xlarge"}
    answer = client.post("/resources/new/vm/", dear)
    assert answer.status_code == 422
    assert Run.objects.count() == 1


def test_a_kind_that_is_not_on_offer_says_so(sign_in: SignIn, tenant: SimpleNamespace, shelf: dict) -> None:
    Offering.objects.filter(kind="kubernetes").update(is_available=False)
    client = sign_in(tenant.member)
    assert "Not on offer yet" in client.get("/resources/new/kubernetes/").content.decode()
    assert client.get("/resources/new/boat/").status_code == 404


# --- one resource ---------------------------------------------------------------------------------------------------


def test_a_resource_shows_outputs_cost_inputs_and_history(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order
) -> None:
    resource = activate(order("web-1"), outputs={"public_ip": "203.0.113.7"})
    page = sign_in(tenant.viewer).get(f"/resources/{resource.pk}/").content.decode()
    assert 'data-copy="203.0.113.7"' in page
    assert "Small" in page
    assert "History" in page
    assert "/destroy/" not in page
    assert (
        f"/resources/{resource.pk}/destroy/"
        in sign_in(tenant.member).get(f"/resources/{resource.pk}/").content.decode()
    )


def test_a_failure_is_explained_with_the_raw_text_one_click_away(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order
) -> None:
    run = order("web-1")
    error = {
        "summary": "The key may not start machines.",
        "advice": "Give it ec2:RunInstances.",
        "cloud_message": "UnauthorizedOperation",
        "raw": "Error: <b>raw</b>",
        "address": "aws_instance.this",
    }
    Run.objects.filter(pk=run.pk).update(status="failed", error=error)
    Resource.objects.filter(pk=run.resource_id).update(status="failed")
    page = sign_in(tenant.member).get(f"/resources/{run.resource_id}/").content.decode()
    for words in ("The key may not start machines.", "Give it ec2:RunInstances.", "Try again", "Forget", "<details"):
        assert words in page
    assert "Error: &lt;b&gt;raw&lt;/b&gt;" in page


def test_a_change_shows_its_effect_and_queues_a_run(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    client = sign_in(tenant.member)
    form = {"image": "ubuntu-24.04", "disk_gb": "20", "network": "default", **VM}
    panel = client.get(f"/resources/{resource.pk}/price/", {**form, "size": "large"})
    assert [(change.field, change.in_place) for change in panel.context["changes"]] == [("size", True)]
    moved = client.get(f"/resources/{resource.pk}/price/", {**form, "region": "us-east-1"})
    assert "cannot be changed" in moved.context["reason"]
    answer = client.post(f"/resources/{resource.pk}/update/", {**form, "size": "large"})
    assert answer.status_code == 302
    assert Run.objects.get(operation="update").inputs["size"] == "large"


def test_a_change_that_is_refused_says_why(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    form = {"image": "ubuntu-24.04", "disk_gb": "20", "network": "default", **VM, "region": "us-east-1"}
    answer = sign_in(tenant.member).post(f"/resources/{resource.pk}/update/", form)
    assert answer.status_code == 422
    assert "Region cannot be changed" in answer.content.decode()


@pytest.mark.parametrize(("deed", "status"), [("destroy", "destroying"), ("forget", "orphaned")])
def test_destroying_and_forgetting_ask_for_the_name(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order, deed: str, status: str
) -> None:
    resource = activate(order("web-1"))
    client = sign_in(tenant.member)
    path = f"/resources/{resource.pk}/{deed}/"
    assert "web-1" in client.get(path).content.decode()
    assert client.post(path, {"confirm_name": "web-2"}).status_code == 422
    resource.refresh_from_db()
    assert resource.status == "active"
    assert client.post(path, {"confirm_name": "web-1"}).status_code == 302
    resource.refresh_from_db()
    assert resource.status == status


def test_retry_leads_to_the_new_run_or_says_why_not(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))
    client = sign_in(tenant.member)
    path = f"/resources/{resource.pk}/retry/"
    assert client.get(path).status_code == 405
    refused = client.post(path, follow=True)
    assert "nothing to try again" in refused.content.decode()
    Resource.objects.filter(pk=resource.pk).update(status="failed")
    assert client.post(path)["Location"].startswith("/runs/")


def test_a_restarted_sandbox_is_explained(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order, cloud_account: CloudAccount, settings: Any
) -> None:
    CloudAccount.objects.filter(pk=cloud_account.pk).update(is_sandbox=True)
    resource = activate(order("web-1"))
    settings.SANDBOX_STARTED_AT = timezone.now().isoformat()
    page = sign_in(tenant.member).get(f"/resources/{resource.pk}/").content.decode()
    assert "simulated cloud was restarted" in page
    assert "Try again" in page


def test_sensitive_outputs_are_shown_on_request_only_and_that_is_audited(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = catalogue.OutputSpec("password", "Password", is_sensitive=True, is_link=False)
    monkeypatch.setattr(catalogue, "output_specs", lambda _version: [spec])
    resource = activate(order("web-1"), sealed_outputs={"password": "hush"})
    path = f"/resources/{resource.pk}/"
    assert "hush" not in sign_in(tenant.member).get(path).content.decode()
    assert "hush" not in sign_in(tenant.viewer).get(f"{path}?reveal=1").content.decode()
    assert not AuditEvent.objects.filter(action="resource.read_outputs").exists()
    assert "hush" in sign_in(tenant.member).get(f"{path}?reveal=1").content.decode()
    assert AuditEvent.objects.get(action="resource.read_outputs").actor == tenant.member


@pytest.mark.parametrize("path", ["", "update/", "price/", "destroy/", "forget/"])
def test_a_stranger_finds_nothing_and_a_viewer_changes_nothing(
    sign_in: SignIn, tenant: SimpleNamespace, stranger: User, order: Order, path: str
) -> None:
    resource = activate(order("web-1"))
    assert sign_in(stranger).get(f"/resources/{resource.pk}/{path}").status_code == 404
    assert sign_in(tenant.viewer).get(f"/resources/{resource.pk}/{path}").status_code == (403 if path else 200)


# --- kubeconfig -----------------------------------------------------------------------------------------------------


def test_a_kubeconfig_is_downloaded_by_members_and_every_download_is_audited(
    sign_in: SignIn, tenant: SimpleNamespace, order: Order
) -> None:
    resource = activate(order("web-1"), sealed_outputs={"kubeconfig": "apiVersion: v1\nkind: Config\n"})
    url = f"/resources/{resource.pk}/kubeconfig/"

    answer = sign_in(tenant.member).get(url)

    assert (answer.status_code, answer.content) == (200, b"apiVersion: v1\nkind: Config\n")
    assert answer["Content-Disposition"] == 'attachment; filename="web-1.kubeconfig"'
    assert answer["Cache-Control"] == "no-store"
    recorded = AuditEvent.objects.get(action="resource.download_kubeconfig")
    assert (recorded.target_id, "apiVersion" in str(recorded.__dict__)) == (str(resource.pk), False)
    assert sign_in(tenant.viewer).get(url).status_code == 403


def test_what_has_no_kubeconfig_says_so_instead(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))

    answer = sign_in(tenant.member).get(f"/resources/{resource.pk}/kubeconfig/", follow=True)

    assert "only an active Kubernetes cluster has one" in answer.content.decode()
    assert not AuditEvent.objects.filter(action="resource.download_kubeconfig").exists()


def test_a_resource_is_compared_from_its_page(sign_in: SignIn, tenant: SimpleNamespace, order: Order) -> None:
    resource = activate(order("web-1"))

    answer = sign_in(tenant.member).post(f"/resources/{resource.pk}/drift/")

    run = resource.runs.get(operation="detect_drift")
    assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run.pk}/")
    assert sign_in(tenant.viewer).post(f"/resources/{resource.pk}/drift/").status_code == 403
