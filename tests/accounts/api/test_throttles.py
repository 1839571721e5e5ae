from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisGone
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def low_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"actor": "3/day", "anonymous": "2/day"})


def statuses(client: APIClient, times: int) -> list[int]:
    return [client.get("/api/v1/members").status_code for _ in range(times)]


def test_each_actor_has_its_own_count(
    tenant: SimpleNamespace, api: Callable[..., APIClient], token_for: Callable[..., str]
) -> None:
    program = APIClient(headers={"authorization": f"Token {token_for(tenant.owner)}"})
    assert statuses(api(tenant.owner), 4) == [200, 200, 200, 429]
    assert statuses(program, 4) == [200, 200, 200, 429]
    assert statuses(api(tenant.member), 1) == [200]


def test_the_answer_says_how_long_to_wait(tenant: SimpleNamespace, api: Callable[..., APIClient]) -> None:
    client = api(tenant.owner)
    statuses(client, 3)
    answer = client.get("/api/v1/members")
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 86_400


def test_nobody_is_counted_by_address(db: None) -> None:
    answers = [APIClient().post("/api/v1/auth/refresh", {"refresh": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


def test_calls_pass_while_the_cache_is_gone(
    tenant: SimpleNamespace, api: Callable[..., APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise RedisGone

    monkeypatch.setattr(cache, "incr", gone)
    assert statuses(api(tenant.owner), 5) == [200] * 5
