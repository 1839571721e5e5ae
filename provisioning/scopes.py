"""What budgets of an organization may be about: billing asks here (``settings.CLOUD_ACCOUNT_NAMES``)."""

from __future__ import annotations

from accounts.models import Organization
from clouds.models import CloudAccount


def cloud_account_names(organization: Organization) -> dict[str, str]:
    """The organization's cloud accounts: {id: name}, in the order of their names."""
    accounts = CloudAccount.objects.filter(organization=organization).order_by("name").values_list("pk", "name")
    return {str(pk): name for pk, name in accounts}
