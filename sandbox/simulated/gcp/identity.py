"""Who asks: service accounts with keys of their own, and tokens that end.

Source: Google, "Using OAuth 2.0 for server to server applications", "Workload identity federation".
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.simulated import federation
from sandbox.simulated.cloud import Caller
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Store

PROJECT = "skyvend-sandbox"  # with which all simulated projects begin, and by which the platform knows them
LIFETIME = 3600  # seconds of a token
JWT_PARTS = 3
FEDERATED = "federated "  # before the subject of who holds a federated token
UNACCEPTABLE = {
    "malformed": "Invalid JWT: the subject token cannot be read.",
    "audience": "The audience in ID Token does not match the expected audience.",
    "expired": "The ID Token is expired.",
}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE = "https://accounts.google.com/o/oauth2/auth"
INVALID = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"


class Identity:
    """Service accounts and tokens, kept in the store. Their private keys are not, but for the first one's."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tokens: dict[str, tuple[str, float]] = {}  # bearer: (e-mail, its end)

    def default(self) -> dict[str, str]:
        """The first account's credentials, made when first asked for."""
        with self.store.at_once():
            kept: dict[str, str] = self.store.setting("default") or self.new(PROJECT)
            self.store.set_setting("default", kept)
        return kept

    def new(self, project_id: str = "", denied: Iterable[str] = (), subject: str = "") -> dict[str, str]:
        """An account with a key file like Google's, in a project of its own unless one is named.

        ``subject`` is how those of federated tokens must begin that may act as it; without it any may.
        """
        project = project_id or f"{PROJECT}-{secrets.token_hex(3)}"
        email = f"skyvend-{secrets.token_hex(3)}@{project}.iam.gserviceaccount.com"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        accounts = self.store.setting("accounts", {})
        accounts[email] = {
            "project": project,
            "key": public.decode(),
            "denied": list(denied),
            "is_expired": False,
            "subject": subject,
        }
        self.store.set_setting("accounts", accounts)
        return {"service_account_key": json.dumps(_key_file(project, email, private.decode()), indent=2)}

    def expire(self, email: str) -> None:
        accounts = self.store.setting("accounts", {})
        accounts[email]["is_expired"] = True
        self.store.set_setting("accounts", accounts)

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The answer of the token endpoint to a signed assertion. Raises ``CloudFault``."""
        if form.get("grant_type") != JWT_BEARER:
            raise CloudFault(400, "unsupported_grant_type", "Invalid grant_type")
        return self._issue(self._signer(form.get("assertion", "")))

    def exchanged(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The security token service: a token of a foreign issuer for one of ours. Raises ``CloudFault``."""
        audience = form.get("audience", "")
        if not audience.startswith("//iam.googleapis.com/projects/"):
            raise CloudFault(400, "invalid_target", "The target service indicated by the audience is invalid.")
        try:
            claims = federation.claims_of(form.get("subject_token", ""), audience)
        except federation.Unacceptable as reason:
            raise CloudFault(400, "invalid_grant", UNACCEPTABLE[str(reason)]) from None
        answer = self._issue(FEDERATED + str(claims["sub"]))
        return {**answer, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}

    def impersonated(self, email: str, bearer: str) -> dict[str, Any]:
        """A token of the account, for a federated one."""
        holder, ends = self.tokens.get(bearer, ("", 0.0))
        account = self.store.setting("accounts", {}).get(email)
        trusted = FEDERATED + (account or {}).get("subject", "")
        if account is None or time.monotonic() > ends or not holder.startswith(trusted):
            text = f"Permission 'iam.serviceAccounts.getAccessToken' denied on resource {email} (or it may not exist)."
            raise CloudFault(403, "PERMISSION_DENIED", text)
        token = self._issue(email)["access_token"]
        return {
            "accessToken": token,
            "expireTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
        }

    def caller(self, bearer: str) -> Caller:
        email, ends = self.tokens.get(bearer, ("", 0.0))
        if not email and bearer.count(".") == JWT_PARTS - 1:  # an assertion signed for one API is a token itself
            email, ends = self._signer(bearer), time.monotonic() + 1
        account = self.store.setting("accounts", {}).get(email)
        if account is None or account["is_expired"] or time.monotonic() > ends:
            raise CloudFault(
                401, "UNAUTHENTICATED", f"googleapi: Error 401: {INVALID} authentication credential., authError"
            )
        return Caller(email, account["project"], frozenset(account["denied"]))

    def _signer(self, assertion: str) -> str:
        """The e-mail of who signed. Raises ``CloudFault`` in Google's words."""
        try:
            email = str(jwt.decode(assertion, options={"verify_signature": False}).get("iss", ""))
            account = self.store.setting("accounts", {}).get(email)
            if account is None:
                raise CloudFault(400, "invalid_grant", "Invalid grant: account not found")
            if account["is_expired"]:
                raise CloudFault(400, "invalid_grant", "Invalid JWT Signature.")  # a deleted key is no longer known
            jwt.decode(assertion, account["key"], algorithms=["RS256"], options={"verify_aud": False})
        except jwt.PyJWTError as error:
            raise CloudFault(400, "invalid_grant", "Invalid JWT Signature.") from error
        return email

    def _issue(self, email: str) -> dict[str, Any]:
        bearer = f"ya29.{secrets.token_urlsafe(48)}"
        self.tokens[bearer] = (email, time.monotonic() + LIFETIME)
        return {"access_token": bearer, "expires_in": LIFETIME, "token_type": "Bearer"}


def _key_file(project: str, email: str, private: str) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": secrets.token_hex(20),
        "private_key": private,
        "client_email": email,
        "client_id": str(10**20 + secrets.randbelow(10**20)),
        "auth_uri": GOOGLE,
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "universe_domain": "googleapis.com",
    }
