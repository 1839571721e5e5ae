from collections.abc import Iterator

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """Rate limits live in the cache: what one test used up must not count in the next."""
    cache.clear()
    yield
    cache.clear()
