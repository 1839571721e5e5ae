"""What is ordered and does not cost yet, for the budgets that what is ordered next is held against."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from uuid import UUID

from billing import limits
from billing.limits import Load
from provisioning import metered
from provisioning.models import Operation, Resource, Run

COSTLY = frozenset({Operation.CREATE, Operation.UPDATE, Operation.START})  # may end with more that runs


def check_budgets(resource: Resource, hourly: Decimal) -> None:
    """Raise ``billing.limits.BudgetExceeded`` if ``resource`` at ``hourly`` would break a budget that refuses orders.

    Call it in the transaction that orders it: it locks the credit account.
    """
    limits.check_budgets(
        organization=resource.organization,
        order=Load(metered.facts_of(resource), hourly),
        coming=partial(coming, resource.organization_id),
    )


def coming(organization_id: UUID) -> Iterator[Load]:
    """Everything of the organization that a live run is about to make, change or start, at what it will cost."""
    runs = Run.objects.live().filter(organization_id=organization_id, operation__in=COSTLY)
    resources = Resource.objects.filter(pk__in=runs.values("resource")).select_related("cloud_account")
    for resource in resources.defer("sealed_outputs", "inputs", "outputs", "cloud_account__credentials"):
        yield Load(metered.facts_of(resource), resource.hourly_cost)
