from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from accounts.api.urls import urlpatterns


@pytest.fixture(scope="module")
def schema() -> Any:
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(patterns=list(urlpatterns)).get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    return schema


def test_it_is_valid_and_without_warnings(schema: Any) -> None:
    validate_schema(schema)


def test_every_operation_documents_its_problems(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            documented = set(operation["responses"])
            public = path.startswith("/auth/")
            assert {"400", "404", "429"} <= documented, (method, path)
            assert public or {"401", "403"} <= documented, (method, path)
            assert method == "get" or "409" in documented, (method, path)
            assert method not in {"post", "patch"} or "415" in documented, (method, path)
            assert "application/problem+json" in operation["responses"]["400"]["content"]


def test_it_names_the_three_ways_in(schema: Any) -> None:
    assert set(schema["components"]["securitySchemes"]) == {"apiToken", "jwt", "session"}


def test_secrets_are_in_no_answer_but_the_one_that_issues_them(schema: Any) -> None:
    holders = {
        name
        for name, component in schema["components"]["schemas"].items()
        if {"token", "digest", "password", "secret"} & set(component.get("properties", {}))
    }
    assert holders == {"AcceptRequest", "IssuedToken", "LoginRequest", "RegistrationRequest"}
