import pytest
from django.test import Client

from accounts.models import User
from provisioning.models import Worker


@pytest.mark.django_db
def test_operators_first_see_queue_workers_and_tenants(client: Client) -> None:
    Worker.objects.create(host="runner-1", pid=7, concurrency=2, engine="opentofu 1.8.5", isolation="bubblewrap")
    client.force_login(User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery"))
    page = client.get("/admin/")
    assert page.status_code == 200
    for text in ("Queued runs", "Workers alive", "Tenants", "runner-1:7", "opentofu 1.8.5"):
        assert text in page.content.decode()


@pytest.mark.django_db
def test_operators_are_not_shown_what_is_always_empty(client: Client) -> None:
    client.force_login(User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery"))
    page = client.get("/admin/").content.decode()
    assert [word for word in ("/admin/auth/group/", "/admin/django_dramatiq/") if word in page] == []
