"""How allauth works here: its hooks write the audit trail, so that pages and API are recorded alike."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from .actors import Actor, anonymous_actor, member_actor
from .audit import record
from .middleware import attach_actor
from .models import User
from .origins import RequestMeta, meta_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that rate limits count by: the same one the audit trail records."""
        ip = meta_of(request).ip
        if ip is None:
            raise PermissionDenied("Your address is not known.")
        return ip

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """Users have no user name."""

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        saved: User = super().save_user(request, user, form, commit)
        if commit:
            record(_actor(request, saved), "user.register", saved)
        return saved

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        attach_actor(request)
        record(_actor(request, user), "user.sign-in", user, by="password")

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User):
            record(_actor(request, user), "user.sign-out", user)
        super().logout(request)
        attach_actor(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Recorded with the account that was tried; what was typed is not kept, it may be a password."""
        user = User.objects.filter(email=str(credentials.get("email", "")).strip().lower()).first()
        record(_actor(request, None), "user.sign-in-fail", user, known_account=user is not None)

    def set_password(self, user: User, password: str) -> None:
        super().set_password(user, password)
        record(_actor(context.request, user), "user.change-password", user)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        is_confirmed = bool(super().confirm_email(request, email_address))
        if is_confirmed:
            user = email_address.user
            record(_actor(request, user), "user.confirm-email", user, email=email_address.email)
        return is_confirmed


def _actor(request: HttpRequest | None, user: User | None) -> Actor:
    """A person outside any organization: signing in concerns all of theirs."""
    meta = meta_of(request) if request is not None else RequestMeta()
    return member_actor(user, None, meta) if user else anonymous_actor(meta)
