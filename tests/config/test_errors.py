"""Errors are pages for people and problem documents for programs."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory

from config import errors


@pytest.mark.django_db
def test_an_unknown_page_says_so_in_our_design(client: Client) -> None:
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


@pytest.mark.django_db
def test_an_unknown_api_path_answers_with_a_problem_document(client: Client) -> None:
    answer = client.get("/api/v1/no-such-thing")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 404


@pytest.mark.django_db
def test_a_refusal_gives_its_reason(rf: RequestFactory) -> None:
    answer = errors.permission_denied(rf.get("/team/"), PermissionDenied("It needs: manage."))
    assert answer.status_code == 403
    assert "It needs: manage." in answer.content.decode()


@pytest.mark.django_db
def test_a_malformed_request_is_a_400(rf: RequestFactory) -> None:
    assert errors.bad_request(rf.get("/team/")).status_code == 400


def test_a_failure_page_asks_the_database_nothing(rf: RequestFactory) -> None:
    """The database may be what failed; without the django_db mark any query here is an error."""
    answer = errors.server_error(rf.get("/"))
    assert answer.status_code == 500
    assert "Something failed on our side" in answer.content.decode()


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (errors.bad_request, 400),
        (errors.permission_denied, 403),
        (errors.page_not_found, 404),
        (errors.server_error, 500),
    ],
)
def test_programs_get_problem_documents(handler: Any, status: int, rf: RequestFactory) -> None:
    answer = handler(rf.get("/api/v1/resources"))
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
