from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.actors import system_actor
from accounts.audit import record
from accounts.models import User

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]


@pytest.fixture
def trail(tenant: SimpleNamespace, stranger: User, actor_for: Callable[..., object]) -> None:
    record(actor_for(tenant.member), "resource.create", tenant.organization, size="small")  # type: ignore[arg-type]
    record(system_actor(tenant.organization), "run.lose", tenant.organization)
    record(actor_for(stranger), "resource.create")  # type: ignore[arg-type]


def actions(client: APIClient, **query: str) -> list[str]:
    return [row["action"] for row in client.get("/api/v1/audit", query).json()["results"]]


def test_it_shows_the_own_organization_newest_first(tenant: SimpleNamespace, trail: None, api: Api) -> None:
    rows = api(tenant.admin).get("/api/v1/audit").json()["results"]
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("system", "run.lose"),
        ("member@acme.test", "resource.create"),
    ]
    assert rows[1]["data"] == {"size": "small"}


def test_it_filters(tenant: SimpleNamespace, trail: None, api: Api) -> None:
    client, later = api(tenant.owner), (timezone.now() + timedelta(hours=1)).isoformat()
    assert actions(client, action="resource.") == ["resource.create"]
    assert actions(client, actor="MEMBER@") == ["resource.create"]
    assert actions(client, target_type="organization") == ["run.lose", "resource.create"]
    assert actions(client, since=later) == []
    assert actions(client, until=later, ordering="created_at") == ["resource.create", "run.lose"]
    assert client.get("/api/v1/audit", {"since": "yesterday"}).json()["errors"][0]["field"] == "since"
    assert client.get("/api/v1/audit", {"actor": "nul\x00"}).status_code == 400


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_it_is_not_for_everybody(tenant: SimpleNamespace, trail: None, api: Api, who: str) -> None:
    assert api(getattr(tenant, who)).get("/api/v1/audit").status_code == 403


def test_it_cannot_be_written(tenant: SimpleNamespace, trail: None, api: Api) -> None:
    client = api(tenant.owner)
    path = f"/api/v1/audit/{client.get('/api/v1/audit').json()['results'][0]['id']}"
    statuses = [call(path).status_code for call in (client.put, client.patch, client.delete)]
    assert [*statuses, client.post("/api/v1/audit").status_code] == [405] * 4
