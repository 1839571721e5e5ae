from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing.refresh.fetching import Fetcher

from .server import Vendor


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """All three vendors in one server: their paths differ."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Vendor()
    yield server
    server.close()


@pytest.fixture
def waits() -> list[float]:
    """How long the fetcher waited between attempts, without waiting."""
    return []


@pytest.fixture
def fetcher(waits: list[float]) -> Iterator[Fetcher]:
    with Fetcher(sleep=waits.append) as one:
        yield one
