from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.actors import Actor
from billing import budgets
from billing.models import Budget


@pytest.fixture
def budget(tenant: SimpleNamespace, actor_for: Callable[..., Actor]) -> Callable[..., Budget]:
    """``budget("Team data", "50")`` as the owner sets it; ``actor=`` another."""

    def make(name: Any = "All of it", amount: Any = "50", **more: Any) -> Budget:
        actor = more.pop("actor", None) or actor_for(tenant.owner)
        return budgets.create_budget(
            actor=actor, name=name, amount=Decimal(amount) if isinstance(amount, str) else amount, **more
        )

    return make
