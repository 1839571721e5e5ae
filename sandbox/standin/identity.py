"""How the two providers sign in: their configuration and environment variables, and tokens from the token endpoint.

Only what a sandbox account may hold is read: never ~/.azure, gcloud's files or a metadata server.
"""

import base64
import importlib
import json
import os
import threading
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checking import Problem
from .cloud import LOOPBACK, Cloud, Refusal
from .values import UNKNOWN

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name of a grant
CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
ARM_SCOPE = "https://management.azure.com/.default"
EARLY = 60  # seconds before its end that a token is renewed


def setting(config: dict[str, Any], name: str, *variables: str) -> str:
    """An attribute of the provider block, else the first environment variable that is set, else ""."""
    value = config.get(name)
    if isinstance(value, str) and value:
        return value
    return next((os.environ[variable] for variable in variables if os.environ.get(variable)), "")


class Tokens:
    """One token, renewed before it ends; several calls at once ask for it only once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def bearer(self) -> str:
        with self._lock:
            if time.monotonic() > self._ends - EARLY:
                self._token, lifetime = self.fetch()
                self._ends = time.monotonic() + lifetime
            return self._token

    def fetch(self) -> tuple[str, float]:
        """A fresh token and its life in seconds. Raises Refusal."""
        raise NotImplementedError


@dataclass
class AzureConfig:
    """What azurerm needs to sign in: a client secret, or a token that our issuer signed (OIDC)."""

    tenant_id: str
    subscription_id: str
    client_id: str
    client_secret: str
    oidc_token: str

    @classmethod
    def of(cls, config: dict[str, Any]) -> "AzureConfig":
        is_oidc = config.get("use_oidc") is True or os.environ.get("ARM_USE_OIDC", "").lower() in {"true", "1"}
        token = setting(config, "oidc_token", "ARM_OIDC_TOKEN") if is_oidc else ""
        path = setting(config, "oidc_token_file_path", "ARM_OIDC_TOKEN_FILE_PATH") if is_oidc else ""
        return cls(
            tenant_id=setting(config, "tenant_id", "ARM_TENANT_ID"),
            subscription_id=setting(config, "subscription_id", "ARM_SUBSCRIPTION_ID"),
            client_id=setting(config, "client_id", "ARM_CLIENT_ID"),
            client_secret=setting(config, "client_secret", "ARM_CLIENT_SECRET"),
            oidc_token=token or (_read(path) if path else ""),
        )

    def problems(self) -> list[Problem]:
        if not self.subscription_id:
            text = "`subscription_id` is a required provider property when performing a plan/apply operation"
            return [Problem(text)]
        if not (self.tenant_id and self.client_id and (self.client_secret or self.oidc_token)):
            text = "unable to build authorizer for Resource Manager API: could not configure an authorizer: no"
            return [Problem(f"{text} authentication method is configured (client secret or OIDC)")]
        return []


class AzureTokens(Tokens):
    def __init__(self, cloud: Cloud, config: AzureConfig) -> None:
        super().__init__()
        self._cloud, self._config = cloud, config

    def fetch(self) -> tuple[str, float]:
        given = self._config
        form = {"grant_type": "client_credentials", "client_id": given.client_id, "scope": ARM_SCOPE}
        if given.oidc_token:
            form |= {"client_assertion_type": ASSERTION, "client_assertion": given.oidc_token}
        else:
            form["client_secret"] = given.client_secret
        tenant = urllib.parse.quote(given.tenant_id, safe="")
        status, answer = self._cloud.post_form(f"/{tenant}/oauth2/v2.0/token", form)
        if status != 200:
            raise Refusal(
                f"building account: could not acquire access token to parse claims: clientCredentialsToken: "
                f"received HTTP status {status} with response: {json.dumps(answer)}"
            )
        return str(answer["access_token"]), float(answer.get("expires_in", 3600))


def google_credentials(config: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The credentials as JSON, given as text or as a file's path, and what is wrong with them."""
    if config.get("credentials") is UNKNOWN:
        return {}, []
    text = setting(config, "credentials", "GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON")
    if not text:
        detail = "Attempted to load application default credentials since neither `credentials` nor `access_token` was"
        return {}, [Problem(f"{detail} set in the provider block. No credentials loaded.")]
    try:
        found = json.loads(text if text.lstrip().startswith("{") else _read(text))
    except ValueError:
        return {}, [Problem("JSON credentials are not valid")]
    if not isinstance(found, dict) or found.get("type") not in {"service_account", "external_account"}:
        return {}, [Problem("JSON credentials are not valid: the type must be service_account or external_account")]
    return found, []


class GoogleTokens(Tokens):
    def __init__(self, cloud: Cloud, credentials: dict[str, Any]) -> None:
        super().__init__()
        self._cloud, self._credentials = cloud, credentials

    def fetch(self) -> tuple[str, float]:
        if self._credentials["type"] == "service_account":
            return self._signed_in()
        return self._federated()

    def _signed_in(self) -> tuple[str, float]:
        uri = str(self._credentials.get("token_uri", ""))
        if urllib.parse.urlsplit(uri).hostname not in LOOPBACK:
            raise Refusal("The service account key belongs to a real cloud: the stand-in provider does not use it.")
        return self._asked("/token", {"grant_type": JWT_BEARER, "assertion": self._assertion(uri)})

    def _assertion(self, audience: str) -> str:
        now = int(time.time())
        email = self._credentials["client_email"]
        claims = {"iss": email, "scope": CLOUD_SCOPE, "aud": audience, "iat": now, "exp": now + 3600}
        header = {"alg": "RS256", "typ": "JWT", "kid": self._credentials.get("private_key_id", "")}
        body = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
        return f"{body}.{_part(_signature(str(self._credentials['private_key']), body.encode()))}"

    def _federated(self) -> tuple[str, float]:
        source = self._credentials.get("credential_source") or {}
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "audience": str(self._credentials.get("audience", "")),
            "scope": CLOUD_SCOPE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": str(self._credentials.get("subject_token_type", "")),
            "subject_token": _read(str(source.get("file", ""))).strip(),
        }
        token, lifetime = self._asked("/sts/v1/token", form)
        impersonated = urllib.parse.urlsplit(str(self._credentials.get("service_account_impersonation_url", ""))).path
        if not impersonated:
            return token, lifetime
        status, answer = self._cloud.post_json(impersonated, {"scope": [CLOUD_SCOPE]}, token)
        if status != 200:
            raise Refusal(f"oauth2/google: status code {status}: {json.dumps(answer)}")
        return str(answer["accessToken"]), 3600.0

    def _asked(self, path: str, form: dict[str, str]) -> tuple[str, float]:
        status, answer = self._cloud.post_form(path, form)
        if status != 200:
            code, text = answer.get("error", ""), answer.get("error_description", "")
            raise Refusal(f'oauth2: "{code}" "{text}"' if isinstance(code, str) else f"oauth2: {json.dumps(answer)}")
        return str(answer["access_token"]), float(answer.get("expires_in", 3600))


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signature(key: str, data: bytes) -> bytes:
    form = importlib.import_module("cryptography.hazmat.primitives.serialization")  # heavy: only where it signs
    hashes = importlib.import_module("cryptography.hazmat.primitives.hashes")
    padding = importlib.import_module("cryptography.hazmat.primitives.asymmetric.padding")
    try:
        private = form.load_pem_private_key(key.encode(), None)
    except ValueError as error:
        raise Refusal("private key should be a PEM or plain PKCS1 or PKCS8; parse error") from error
    signature: bytes = private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return signature


def _read(path: str) -> str:
    """A file that the runner wrote into the workspace, where Terraform starts its plugins."""
    try:
        return Path(path).read_text()
    except OSError as error:
        raise Refusal(f"reading token file {Path(path).name}: {error.strerror}") from error
