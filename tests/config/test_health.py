from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from provisioning.models import Worker


def test_a_process_that_answers_is_alive(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}


@pytest.mark.django_db
def test_a_platform_with_all_its_parts_is_ready(client: Client) -> None:
    Worker.objects.create(host="here", pid=1, concurrency=2)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "redis": "ok", "workers": "1 alive"}},
    )


@pytest.mark.django_db
def test_a_silent_or_stopped_worker_does_not_count_and_does_not_make_the_web_unready(client: Client) -> None:
    now = timezone.now()
    Worker.objects.create(host="silent", pid=1, concurrency=2, heartbeat_at=now - timedelta(minutes=5))
    Worker.objects.create(host="stopped", pid=2, concurrency=2, stopped_at=now)
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"]["workers"] == "none heard of: orders wait until one starts"


@pytest.mark.django_db
def test_a_redis_that_does_not_answer_is_named(client: Client, settings) -> None:
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "does not answer: see REDIS_URL"


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_named_without_its_password(client: Client, monkeypatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "planted-secret")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "does not answer: see DATABASE_URL"
    assert "planted-secret" not in answer.content.decode()


@pytest.mark.django_db
def test_a_missing_migration_is_named(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'billing' AND name LIKE '0001%%'")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "1 not applied: run manage.py migrate"
