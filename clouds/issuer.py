"""The platform as an OpenID Connect issuer: clouds that trust it take its tokens instead of keys.

A token is minted for one piece of work and says for whom: organization, cloud account, resource, run. Its signature
is checked by the cloud with the public keys it fetches from us, so nothing that opens a tenant's cloud is stored.

Sources: OpenID Connect Discovery 1.0, section 3; RFC 7517 (JWK), 7638 (thumbprint), 7519 (JWT). How keys follow one
another: docs/decisions/0008.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from .models import CloudAccount, Provider, SigningKey

ALGORITHM = "RS256"  # the one that all three clouds take
KEY_BITS = 2048
KEYS_PATH, CONFIGURATION_PATH = ".well-known/jwks.json", ".well-known/openid-configuration"
SIGNS_FOR = timedelta(days=30)  # how long one key signs
PUBLISHED_BEFORE = timedelta(days=2)  # it signs; clouds may keep our key set for a day
SKEW = timedelta(minutes=1)  # a cloud's clock may be behind ours
CHECK_LIFETIME = timedelta(minutes=10)  # of a token for asking the cloud something
LONGEST = timedelta(hours=24)  # Google refuses tokens that live longer
EXTRA = 600  # seconds beyond a run's time: the engine saves its state, its session is renewed once more
LOCK = 0x0001D0C5  # of PostgreSQL's advisory locks: two processes must not both make the next key
AUDIENCES = {Provider.AWS: "sts.amazonaws.com", Provider.AZURE: "api://AzureADTokenExchange"}


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a token is for: a run on a resource, or a question about the account ("verify")."""

    resource_id: UUID | None = None
    run_id: UUID | None = None
    word: str = "verify"


def issuer() -> str:
    """Our name in tokens, and the address below which our keys are found."""
    return str(settings.OIDC_ISSUER)


def is_reachable() -> bool:
    """Whether clouds could fetch our keys at all: they do so over https only."""
    return issuer().startswith("https://")


def subject_of_account(organization_id: UUID | int, account_id: UUID) -> str:
    """How everything that we do in one cloud account begins. Ids, not names: these are never given out again."""
    return f"organization:{organization_id}:account:{account_id}"


def subject(account: CloudAccount, purpose: Purpose) -> str:
    """Azure compares the whole subject, so there it ends with the account; the others match its beginning."""
    beginning = subject_of_account(account.organization_id, account.pk)
    if account.provider == Provider.AZURE:
        return beginning
    rest = f"resource:{purpose.resource_id}" if purpose.resource_id else f"purpose:{purpose.word}"
    return f"{beginning}:{rest}"


def audience(provider: str, workload_identity_provider: str = "") -> str:
    """To whom a token is addressed: one cloud's cannot be used at another."""
    if provider == Provider.GCP:
        return f"//iam.googleapis.com/{workload_identity_provider}"
    return AUDIENCES[Provider(provider)]


@sensitive_variables("key")
def mint(account: CloudAccount, purpose: Purpose, *, workload_identity_provider: str = "") -> str:
    """A signed token for work in ``account``. Keep it no longer than that work; never log it."""
    key, now = current_key(), timezone.now()
    claims = {
        "iss": issuer(),
        "sub": subject(account, purpose),
        "aud": audience(account.provider, workload_identity_provider),
        "iat": now,
        "nbf": now - SKEW,
        "exp": now + _lifetime(purpose),
        "jti": str(uuid.uuid4()),
        "organization": str(account.organization_id),
        "account": str(account.pk),
        "resource": str(purpose.resource_id or ""),
        "run": str(purpose.run_id or ""),
    }
    return jwt.encode(claims, str(key.private_key), ALGORITHM, headers={"kid": key.kid})


def run_seconds() -> int:
    """How long what a run signs in with must last: its time, its end and a margin."""
    wanted: int = settings.RUN_TIMEOUT + 2 * settings.RUN_CANCEL_GRACE + EXTRA
    return min(wanted, int((LONGEST - 2 * SKEW).total_seconds()))


def configuration() -> dict[str, Any]:
    """The discovery document."""
    return {
        "issuer": issuer(),
        "jwks_uri": f"{issuer()}/{KEYS_PATH}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "scopes_supported": ["openid"],
        "claims_supported": ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "organization", "account", "resource",
                             "run"],
    }  # fmt: skip


def key_set() -> dict[str, Any]:
    """Every public key whose signatures count (RFC 7517, section 5)."""
    published = SigningKey.objects.published(timezone.now())
    if not published.exists():
        rotate()  # the first one is made when it is first asked for
    return {"keys": list(published.values_list("public_key", flat=True))}


def current_key() -> SigningKey:
    """The key that signs now. Raises ``InvalidToken`` when none of the platform's encryption keys opens it."""
    found = SigningKey.objects.signing(timezone.now()).first()
    if found is None:
        rotate()
        found = SigningKey.objects.signing(timezone.now()).get()
    return found


@transaction.atomic
def rotate(*, at_once: bool = False) -> None:
    """Do what is due: publish the next key, forget the private half of what retired, delete what expired.

    ``at_once`` is for a key that got into wrong hands: a new one signs from now on and all others are withdrawn.
    Clouds that keep our key set refuse new tokens until they fetch it again.
    """
    _lock()
    now = timezone.now()
    if at_once:
        SigningKey.objects.all().delete()
    newest = SigningKey.objects.filter(retires_at=None).first()
    if newest is None:
        _make(activates_at=now)
    elif newest.activates_at + SIGNS_FOR - PUBLISHED_BEFORE <= now:
        activates_at = now + PUBLISHED_BEFORE
        SigningKey.objects.filter(pk=newest.pk).update(
            retires_at=activates_at, expires_at=activates_at + LONGEST + SKEW
        )
        _make(activates_at=activates_at)
    SigningKey.objects.filter(expires_at__lte=now).delete()
    SigningKey.objects.filter(retires_at__lte=now - SKEW).update(private_key=None)


def _lifetime(purpose: Purpose) -> timedelta:
    return timedelta(seconds=run_seconds()) if purpose.run_id else CHECK_LIFETIME


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


@sensitive_variables("private", "pem")
def _make(*, activates_at: datetime) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    numbers = private.public_key().public_numbers()
    public = {"e": _unpadded(numbers.e), "kty": "RSA", "n": _unpadded(numbers.n)}
    kid = _base64(hashlib.sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest())
    public |= {"kid": kid, "use": "sig", "alg": ALGORITHM}
    SigningKey.objects.create(kid=kid, private_key=pem.decode(), public_key=public, activates_at=activates_at)


def _unpadded(number: int) -> str:
    """Base64urlUInt (RFC 7518, section 2)."""
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
