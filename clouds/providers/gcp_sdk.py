"""Google Cloud through Google's own libraries: signing in, one kind of error, pages. Heavy: see ``asking``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import google.auth.credentials
from google.api_core import exceptions as answers
from google.auth import exceptions, identity_pool
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account
from requests import Response
from requests.exceptions import RequestException

from . import gcp_credentials
from .base import CloudError, CloudUnreachable, Credentials, CredentialsRefused, NotPermitted

Client = TypeVar("Client")
PATIENCE = 20  # seconds for one answer
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
REFUSALS = {  # words of Google's token endpoint, and ours
    "account not found": "Google does not know this service account: it may have been deleted.",
    "Invalid JWT Signature": "Google does not accept this key: it was deleted or has expired. Make a new one.",
    "Invalid JWT: Token must be a short-lived token": "The clock of this platform is wrong.",
    "does not match the expected audience": "The workload identity provider expects another audience than its own "
    "name: leave its allowed audiences empty.",
    "ID Token is expired": "Google says the platform's token has expired: the clock of this platform is wrong.",
    "attribute condition": "The workload identity provider's condition keeps this account out: paste the one shown.",
    "error connecting to the given credential's issuer": "Google could not fetch the platform's public keys: ask your "
    "operator whether it can be reached.",
    "invalid_target": "There is no workload identity provider of this name.",
    "iam.serviceAccounts.getAccessToken": "The identity pool may not act as this service account: "
    "grant it the role Workload Identity User there.",
    "Could not deserialize key data": "The private key in this key file is damaged. Download a new one.",
    "No key could be detected": "There is no private key in this key file. Download a new one.",
}


class Cloud:
    """One project, asked with one set of credentials. ``endpoint`` is the simulated cloud's, else empty."""

    def __init__(self, credentials: Credentials, endpoint: str) -> None:
        self.given, self.endpoint = credentials, endpoint
        self.project_id = gcp_credentials.project_of(credentials)
        self.email = gcp_credentials.email_of(credentials)

    @cached_property
    def credentials(self) -> google.auth.credentials.Credentials:
        """Raises :class:`CredentialsRefused` for a key that cannot be read."""
        with in_words():
            if self.given.get("method") == "oidc":
                return self._federated()
            key = gcp_credentials.service_account(self.given, self.endpoint)
            sign_in: Any = _SimulatedAccount if self.endpoint else service_account.Credentials
            made: google.auth.credentials.Credentials = sign_in.from_service_account_info(key, scopes=SCOPES)
            return made

    def client(self, kind: type[Client]) -> Client:
        """A client of Compute Engine or Cloud Storage."""
        options = {"api_endpoint": self.endpoint} if self.endpoint else {}
        return kind(credentials=self.credentials, client_options=options)  # type: ignore[call-arg]

    def get(self, host: str, path: str, **parameters: str) -> dict[str, Any]:
        """One GET: host "container", path "/v1/…". Raises a :class:`CloudError`."""
        with in_words():
            return self.asked(host, path, **parameters)

    def asked(self, host: str, path: str, **parameters: str) -> dict[str, Any]:
        """One GET. Raises what the libraries do."""
        return self._body(self._session.get(self._address(host) + path, params=parameters or None, timeout=PATIENCE))

    def post(self, host: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with in_words():
            return self._body(self._session.post(self._address(host) + path, json=body, timeout=PATIENCE))

    def pages(self, host: str, path: str, name: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """Every entry of the list ``name``."""
        token = ""
        while True:
            page = self.get(host, path, **parameters, **({"pageToken": token} if token else {}))
            yield from page.get(name, [])
            token = page.get("nextPageToken", "")
            if not token:
                return

    def _address(self, host: str) -> str:
        return self.endpoint or f"https://{host}.googleapis.com"

    @cached_property
    def _session(self) -> AuthorizedSession:
        session: Any = AuthorizedSession
        made: AuthorizedSession = session(self.credentials)
        return made

    def _federated(self) -> google.auth.credentials.Credentials:
        account = gcp_credentials.external_account(self.given, self.endpoint)
        sign_in: Any = _SimulatedPool if self.endpoint else identity_pool.Credentials
        made: google.auth.credentials.Credentials = sign_in(
            audience=account["audience"],
            subject_token_type=account["subject_token_type"],
            token_url=account["token_url"],
            subject_token_supplier=_Given(self.given["web_identity_token"]),
            service_account_impersonation_url=account["service_account_impersonation_url"],
            scopes=SCOPES,
        )
        return made

    @staticmethod
    def _body(response: Response) -> dict[str, Any]:
        if not response.ok:
            raise answers.from_http_response(response)  # type: ignore[no-untyped-call]
        body: dict[str, Any] = response.json()
        return body


class _NoBoundary:
    """The libraries look up where an account may be used, at Google's own address: never for made-up accounts."""

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        return False


class _SimulatedAccount(_NoBoundary, service_account.Credentials):
    pass


class _SimulatedPool(_NoBoundary, identity_pool.Credentials):
    pass


class _Given(identity_pool.SubjectTokenSupplier):
    """The token that our issuer signed for this account."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_subject_token(self, context: object, request: object) -> str:
        return self._token


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the libraries raise into what people can act on. The original is dropped: it may quote the request."""
    try:
        yield
    except CloudError:
        raise
    except exceptions.TransportError as error:
        failure: Exception = _unreachable(error)
    except (exceptions.GoogleAuthError, exceptions.MalformedError) as error:
        failure = CredentialsRefused(_refusal(str(error)))
    except answers.GoogleAPICallError as error:
        failure = _answered(error)
    except RequestException as error:
        failure = _unreachable(error)
    except ValueError as error:  # of cryptography: a private key that is none
        failure = CredentialsRefused(_refusal(str(error)))
    else:
        return
    raise failure from None


def _unreachable(error: Exception) -> CloudUnreachable:
    return CloudUnreachable(f"Google Cloud could not be reached ({type(error).__name__}). Try again in a minute.")


def _refusal(said: str) -> str:
    known = next((words for text, words in REFUSALS.items() if text in said), "")
    return known or "Google does not accept these credentials."


def _answered(error: answers.GoogleAPICallError) -> Exception:
    said = str(error)
    if "SERVICE_DISABLED" in said or "has not been used in project" in said:
        return NotPermitted("An API that this needs is not enabled in the project: see the list of permissions.")
    if isinstance(error, answers.Unauthorized):
        return CredentialsRefused("Google does not accept these credentials.")
    if isinstance(error, answers.Forbidden):
        return NotPermitted(
            "Google does not allow this service account to look there: give it the role in the project."
        )
    return CloudUnreachable(f"Google Cloud answered with an error (HTTP {error.code}).")
