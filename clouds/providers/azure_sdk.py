"""Resource Manager through Azure's own client: signing in, one kind of error, pages. Heavy: see ``asking``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import httpx
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.rest import HttpRequest
from azure.identity import ClientAssertionCredential, ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from .base import CloudUnreachable, Credentials, CredentialsRefused, NotPermitted

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 20
ARM = "https://management.azure.com"
ARM_SCOPE = f"{ARM}/.default"
REFUSALS = {  # Microsoft, "Microsoft Entra authentication and authorization error codes"
    "AADSTS7000215": "The client secret is wrong. Paste its value, not its ID.",
    "AADSTS7000222": "The client secret has expired: make a new one in the app registration.",
    "AADSTS700016": "There is no application with this client ID in this tenant.",
    "AADSTS90002": "There is no tenant with this ID.",
    "AADSTS700212": "The application's federated credential is for another audience: it must be the one shown here.",
    "AADSTS50027": "Azure cannot read the platform's token: ask your operator.",
    "AADSTS700213": "The application has no federated credential for this account's subject: paste the one shown here.",
    "AADSTS70021": "The application has no federated credential for this issuer and subject: paste the one shown here.",
    "AADSTS50166": "Azure could not fetch the platform's public keys: ask your operator whether it can be reached.",
    "AADSTS700024": "The signed token is not valid now: the clock of this platform is wrong.",
}


class Cloud:
    """One subscription, asked with one set of credentials. ``endpoint`` is the simulated cloud's, else empty."""

    def __init__(self, credentials: Credentials, endpoint: str) -> None:
        self.credentials, self.endpoint = credentials, endpoint
        self.subscription_id = credentials["subscription_id"]

    @cached_property
    def client(self) -> ResourceManagementClient:
        options = self.options(ARM_SCOPE) | ({"base_url": self.endpoint} if self.endpoint else {})
        return ResourceManagementClient(subscription_id=self.subscription_id, retry_total=1, **options)

    def options(self, scope: str) -> dict[str, Any]:
        """What every client of the SDK is made with: who signs its requests for ``scope``, and how long it waits."""
        patience = {"connection_timeout": CONNECT_TIMEOUT, "read_timeout": READ_TIMEOUT}
        if not self.endpoint:
            return {"credential": self._credential(), **patience}
        policy = _PlainBearer(self.endpoint, self.credentials)  # the SDK's own way refuses plain HTTP
        return {"credential": policy, "authentication_policy": policy, "credential_scopes": [scope], **patience}

    def get(self, path: str, api_version: str) -> dict[str, Any]:
        """One GET of Resource Manager; ``path`` begins with "/". Raises a :class:`CloudError`."""
        with in_words():
            return self._asked(f"{path}?api-version={api_version}")

    def post(self, path: str, api_version: str) -> None:
        """One POST without a body, of something that ends later. Raises a :class:`CloudError`."""
        with in_words():
            self._asked(f"{path}?api-version={api_version}", "POST")

    def pages(self, path: str, api_version: str) -> Iterator[dict[str, Any]]:
        """Every entry of a list."""
        address = f"{path}?api-version={api_version}"
        while address:
            with in_words():
                page = self._asked(address)
            yield from page.get("value", [])
            address = page.get("nextLink") or ""

    def _asked(self, address: str, method: str = "GET") -> dict[str, Any]:
        url = address if address.startswith("http") else f"{self.endpoint or 'https://management.azure.com'}{address}"
        response = self.client.send_request(HttpRequest(method, url))
        response.raise_for_status()
        body: dict[str, Any] = response.json() if response.text() else {}
        return body

    def _credential(self) -> ClientSecretCredential | ClientAssertionCredential:
        given = self.credentials
        if given.get("method") == "oidc":
            return ClientAssertionCredential(
                given["tenant_id"], given["client_id"], lambda: given["web_identity_token"]
            )
        return ClientSecretCredential(given["tenant_id"], given["client_id"], given["client_secret"])


class _PlainBearer(SansIOHTTPPolicy[Any, Any]):
    """Signs requests to the simulated cloud, which speaks plain HTTP on this machine."""

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self._endpoint, self._given = endpoint, credentials
        self._token = AccessToken("", 0)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        if self._token.expires_on < time.time() + 60:
            self._token = self._fetched()
        request.http_request.headers["Authorization"] = f"Bearer {self._token.token}"

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return self._token

    def _fetched(self) -> AccessToken:
        form = {"grant_type": "client_credentials", "client_id": self._given["client_id"], "scope": ARM_SCOPE}
        if self._given.get("method") == "oidc":
            form["client_assertion"] = self._given["web_identity_token"]
        else:
            form["client_secret"] = self._given["client_secret"]
        url = f"{self._endpoint}/{self._given['tenant_id']}/oauth2/v2.0/token"
        answer = httpx.post(url, data=form, timeout=READ_TIMEOUT, trust_env=False).json()
        if "access_token" not in answer:
            raise ClientAuthenticationError(message=answer.get("error_description", "no token"))
        return AccessToken(answer["access_token"], int(time.time() + answer["expires_in"]))


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the SDK raises into what people can act on. The original is dropped: it may quote the request."""
    try:
        yield
    except ClientAuthenticationError as error:
        failure: Exception = CredentialsRefused(_refusal(str(error)))
    except HttpResponseError as error:
        failure = _answered(error)
    except (ServiceRequestError, ServiceResponseError, httpx.HTTPError, ValueError) as error:
        failure = CloudUnreachable(f"Azure could not be reached ({type(error).__name__}). Try again in a minute.")
    else:
        return
    raise failure from None


def _refusal(said: str) -> str:
    known = next((words for code, words in REFUSALS.items() if code in said), "")
    return known or "Azure does not accept these credentials."


def _answered(error: HttpResponseError) -> Exception:
    status = error.status_code or 0
    if status == 401:
        return CredentialsRefused("Azure does not accept these credentials.")
    if status == 403:
        return NotPermitted("Azure does not allow this application to look there: give it a role in the subscription.")
    if status == 404:
        return CredentialsRefused(
            "This application cannot see the subscription: check its ID, and give it a role there."
        )
    return CloudUnreachable(f"Azure answered with an error (HTTP {status}).")
