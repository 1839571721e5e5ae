"""How allauth works here."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from .origins import meta_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that rate limits count by: the same one the audit trail records."""
        ip = meta_of(request).ip
        if ip is None:
            raise PermissionDenied("Your address is not known.")
        return ip

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """Users have no user name."""
