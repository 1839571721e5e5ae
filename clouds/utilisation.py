"""How busy an account's machines were, read from its cloud with credentials lent for this one reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from . import lending
from .issuer import Purpose
from .models import CloudAccount
from .providers.metrics import Metric, Point, Utilisation

__all__ = ["Metric", "Point", "Utilisation", "read_utilisation"]


@sensitive_variables()
def read_utilisation(
    *,
    cloud_account_id: UUID,
    region: str,
    machines: Sequence[str],
    first: datetime,
    last: datetime,
    purpose: Purpose = lending.CHECK,
) -> Mapping[str, Mapping[Metric, Utilisation]]:
    """What the cloud recorded of ``machines`` (its own ids of them) in ``region`` from ``first`` to before ``last``.

    Every machine is in the answer, with the metrics its cloud has of it: none for one that is gone, new or stopped
    all the time, no memory where nothing in the machine reports it. Raises :class:`CloudError`, and
    ``CloudAccount.DoesNotExist``.
    """
    account = CloudAccount.objects.defer("credentials").get(pk=cloud_account_id)
    adapter = lending.adapter_of(account)
    return adapter.utilisation(lending.opened(account, purpose), region, machines, first, last)
