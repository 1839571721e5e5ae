"""Whatever is sent to the API, the answer is a problem document and never a 5xx of our making."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, connection
from django.test import Client, RequestFactory
from django.urls import path
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisGone
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.api.problems import Problem, clean, document, flatten, respond
from config import errors

BODY: dict[str, Callable[[Request], Any]] = {}


class Nested(serializers.Serializer[Any]):
    count = serializers.IntegerField(max_value=5)


class Form(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=5)
    nested = Nested()
    items = serializers.ListField(child=serializers.IntegerField(), required=False)


class Probe(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        return Response(BODY["run"](request))


def ask_database(request: Request) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text, %s::int", [request.data["text"], request.data["number"]])


def validate(request: Request) -> Any:
    form = Form(data=request.data)
    form.is_valid(raise_exception=True)
    return form.data


urlpatterns = [path("api/v1/probe", Probe.as_view())]
handler404, handler500 = errors.page_not_found, errors.server_error


@pytest.fixture
def probe(settings: Settings) -> Callable[..., Any]:
    """Post to a view that does what ``BODY["run"]`` does."""
    settings.ROOT_URLCONF = __name__

    def post(run: Callable[[Request], Any], body: Any = "{}", content_type: str = "application/json") -> Any:
        BODY["run"] = run
        return APIClient(raise_request_exception=False).post("/api/v1/probe", body, content_type=content_type)

    return post


def raising(error: Exception) -> Callable[[Request], Any]:
    def run(request: Request) -> Any:
        raise error

    return run


def test_a_problem_has_the_members_of_rfc_9457(probe: Callable[..., Any]) -> None:
    errors_ = [{"field": "a", "code": "odd", "detail": "Odd."}]
    answer = probe(raising(Problem(402, "no_credit", "Too dear.", errors=errors_, extra={"needed": "5.00"})))
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body.pop("request_id")
    assert (answer.status_code, body) == (
        402,
        {
            "type": "urn:skyvend:problem:no_credit",
            "title": "Payment Required",
            "status": 402,
            "detail": "Too dear.",
            "code": "no_credit",
            "errors": errors_,
            "needed": "5.00",
        },
    )


def test_invalid_input_is_named_by_path(probe: Callable[..., Any]) -> None:
    answer = probe(validate, json.dumps({"name": "too long", "nested": {"count": 9}, "items": [1, "x"]}))
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
        ("name", "max_length"),
        ("nested.count", "max_value"),
        ("items.1", "invalid"),
    ]


def test_django_validation_errors_are_400(probe: Callable[..., Any]) -> None:
    named = probe(raising(ValidationError({"name": "Bad."}))).json()
    assert named["errors"] == [{"field": "name", "code": "invalid", "detail": "Bad."}]
    plain = probe(raising(ValidationError("Bad."))).json()
    assert plain["errors"] == [{"field": "", "code": "invalid", "detail": "Bad."}]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "",
        "\x00",
        b"\xff\xfe",
        "[" * 100_000,
        '{"a": NaN}',
        "9" * 5_000,
        "[]",
        "7",
        "null",
        '"x"',
        '{"name": "a\\u0000"}',
        '{"name": "a\\ud800", "nested": {"count": "\\ud800"}}',
        '{"name": 1e400, "nested": {"count": 1e400}, "items": 1e400}',
        '{"name": {}, "nested": [], "items": {}}',
    ],
)
def test_odd_bodies_are_400(probe: Callable[..., Any], body: Any) -> None:
    answer = probe(validate, body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.django_db
@pytest.mark.parametrize("values", [{"text": "nul\x00", "number": 1}, {"text": "x", "number": 10**30}])
def test_what_only_the_database_refuses_is_400(probe: Callable[..., Any], values: dict[str, Any]) -> None:
    answer = probe(ask_database, json.dumps(values))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("error", "status"),
    [(DataError(), 400), (OverflowError(), 400), (RecursionError(), 400), (RedisGone("redis://secret@x"), 503)],
)
def test_low_level_errors_are_translated_without_their_text(
    probe: Callable[..., Any], error: Exception, status: int
) -> None:
    answer = probe(raising(error))
    assert answer.status_code == status
    assert "secret" not in answer.content.decode()


def test_a_wrong_method_or_media_type_is_a_problem(probe: Callable[..., Any]) -> None:
    assert probe(validate, "a=b", "application/x-www-form-urlencoded").json()["code"] == "unsupported_media_type"
    wrong = APIClient().delete("/api/v1/probe")
    assert (wrong.status_code, wrong.json()["code"], wrong["Allow"]) == (405, "method_not_allowed", "POST, OPTIONS")


def test_what_to_send_instead_is_said(probe: Callable[..., Any]) -> None:
    assert "application/json" in probe(validate, "<a/>", "text/xml").json()["detail"]
    assert "Authorization: Token" in probe(raising(NotAuthenticated())).json()["detail"]


def test_a_body_that_is_too_large_is_413(probe: Callable[..., Any], settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert probe(validate, json.dumps({"name": "x" * 20})).json()["code"] == "too_large"


@pytest.mark.django_db
def test_an_unknown_address_and_a_bug_are_problems_too(probe: Callable[..., Any], settings: Settings) -> None:
    bug = probe(raising(RuntimeError("password=hunter2")))
    assert (bug.status_code, bug["Content-Type"]) == (500, "application/problem+json")
    assert "hunter2" not in bug.content.decode()
    unknown = Client().get("/api/v1/no-such-thing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_respond_is_for_django_views() -> None:
    answer = respond(RequestFactory().get("/"), 404, "not_found", "Not found", "Nothing here.")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(answer.content)["title"] == "Not found"


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_error_detail_flattens_to_three_texts(detail: Any) -> None:
    for error in flatten(detail):
        assert set(error) == {"field", "code", "detail"}
    json.dumps(document(400, "invalid", "x", errors=list(flatten(detail)))).encode()


@given(st.text(st.characters(), max_size=2_000))
def test_cleaned_text_can_always_be_sent(text: str) -> None:
    assert len(clean(text).encode()) <= 4_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = ["auth/register", "auth/login", "auth/refresh", "auth/logout", "members", "invitations", "tokens"]


@pytest.mark.django_db
@effort(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(PATHS),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["email", "password", "organization", "refresh", "name", "role", "expires_at", "secret"], json_values
        ),
    )
    | json_values,
)
def test_no_input_of_the_account_api_gives_a_5xx(
    tenant: SimpleNamespace, api: Callable[..., APIClient], address: str, body: Any
) -> None:
    answer = api(tenant.owner).post(f"/api/v1/{address}", json.dumps(body), content_type="application/json")
    assert answer.status_code < 500


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["page=0", "page=9e99", "page=" + "9" * 400, "page=%00", "page_size=-1", "role=%00"])
def test_odd_queries_are_no_5xx(tenant: SimpleNamespace, api: Callable[..., APIClient], query: str) -> None:
    assert api(tenant.owner).get(f"/api/v1/members?{query}&ordering=%00").status_code in {200, 400, 404}
