"""Who asks: applications of one made-up tenant, their secrets, and tokens that end.

Error codes: Microsoft, "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.simulated import federation
from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Store

TENANT = "5a5a5a5a-0000-4000-8000-5c7e5d000001"  # by which the platform knows simulated credentials
LIFETIME = 3600  # seconds of a token
AUDIENCE = "api://AzureADTokenExchange"
UNACCEPTABLE = {
    "malformed": "AADSTS50027: JWT token is invalid or malformed.",
    "audience": "AADSTS700212: No matching federated identity record found for presented assertion audience.",
    "expired": "AADSTS700024: Client assertion is not within its valid time range.",
}


class Identity:
    """Applications and tokens, kept in the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tokens: dict[str, tuple[str, float]] = {}  # bearer: (client id, its end)

    def default(self) -> dict[str, str]:
        """The first application's credentials, made when first asked for."""
        with self.store.at_once():
            kept: dict[str, str] = self.store.setting("default") or self.new()
            self.store.set_setting("default", kept)
        return kept

    def new(self, subscription_id: str = "", denied: Iterable[str] = (), subject: str = "") -> dict[str, str]:
        """An application with a secret that looks like Azure's, on a subscription of its own unless one is named.

        ``subject`` is that of its federated credential; without it any subject is taken.
        """
        credentials = {
            "tenant_id": TENANT,
            "client_id": str(uuid.uuid4()),
            "client_secret": f"{secrets.token_urlsafe(3)}8Q~{secrets.token_urlsafe(25)}"[:40],
            "subscription_id": subscription_id or str(uuid.uuid4()),
        }
        applications = self.store.setting("applications", {})
        applications[credentials["client_id"]] = {
            **credentials,
            "denied": list(denied),
            "is_expired": False,
            "subject": subject,
        }
        self.store.set_setting("applications", applications)
        return credentials

    def expire(self, client_id: str) -> None:
        applications = self.store.setting("applications", {})
        applications[client_id]["is_expired"] = True
        self.store.set_setting("applications", applications)

    def token(self, tenant: str, form: Mapping[str, str]) -> dict[str, Any]:
        """The answer of the token endpoint. Raises ``CloudFault``."""
        if tenant != TENANT:
            raise _refused(f"AADSTS90002: Tenant '{tenant}' not found.")
        application = self.store.setting("applications", {}).get(form.get("client_id", ""))
        if application is None:
            raise _refused(f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found.")
        if application["is_expired"]:
            raise _refused(f"AADSTS7000222: The provided client secret keys for app '{form['client_id']}' are expired.")
        _check(application, form)
        bearer = secrets.token_urlsafe(48)
        self.tokens[bearer] = (application["client_id"], time.monotonic() + LIFETIME)
        return {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": bearer}

    def caller(self, bearer: str) -> Caller:
        client_id, ends = self.tokens.get(bearer, ("", 0.0))
        application = self.store.setting("applications", {}).get(client_id)
        if application is None or time.monotonic() > ends:
            raise CloudFault(
                401, "InvalidAuthenticationToken", "unexpected status 401 (401 Unauthorized) with error: "
                "ExpiredAuthenticationToken: The access token is invalid or has expired.",
            )  # fmt: skip
        return Caller(client_id, application["subscription_id"], frozenset(application["denied"]))


def _check(application: Mapping[str, Any], form: Mapping[str, str]) -> None:
    """The secret, or a token of a foreign issuer. Raises ``CloudFault``."""
    if assertion := form.get("client_assertion"):
        _check_assertion(application, assertion)
    elif not hmac.compare_digest(form.get("client_secret", "").encode(), application["client_secret"].encode()):
        raise _refused("AADSTS7000215: Invalid client secret provided.")


def _check_assertion(application: Mapping[str, Any], assertion: str) -> None:
    try:
        claims = federation.claims_of(assertion, AUDIENCE)
    except federation.Unacceptable as reason:
        raise _refused(UNACCEPTABLE[str(reason)]) from None
    if application.get("subject") not in {None, "", claims["sub"]}:  # Azure compares the whole of it
        raise _refused("AADSTS700213: No matching federated identity record found for presented assertion subject.")


def _refused(text: str) -> CloudFault:
    return CloudFault(401, "invalid_client", text)
