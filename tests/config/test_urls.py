from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from config import api

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def paths() -> Any:
    return SchemaGenerator(patterns=list(api.urlpatterns)).get_schema(request=None, public=True)["paths"]


@pytest.mark.parametrize(("method", "status"), [("get", 200), ("head", 200), ("options", 405), ("post", 405)])
def test_the_documentation_page_is_for_reading(method: str, status: int) -> None:
    assert getattr(Client(), method)("/docs").status_code == status


@pytest.mark.parametrize(
    ("path", "accepted", "status"),
    [("/docs", "text/html", 200), ("/docs", "application/json", 406), ("/api/v1/schema", "application/json", 200)],
)
def test_what_is_not_spoken_is_406(path: str, accepted: str, status: int) -> None:
    assert Client().get(path, headers={"accept": accepted}).status_code == status


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/resources", "post", "402"),
        ("/resources/{id}", "patch", "402"),
        ("/resources/{id}/actions/{name}", "post", "402"),
        ("/cloud-accounts", "post", "503"),
    ],
)
def test_refusals_of_their_own_are_documented(paths: Any, path: str, method: str, status: str) -> None:
    assert "application/problem+json" in paths[path][method]["responses"][status]["content"]
