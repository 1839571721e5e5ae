"""The platform as an issuer: what clouds fetch, what tokens say, how one key follows another."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import jwt
import pytest
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from clouds import issuer, lending, services, tasks
from clouds.issuer import Purpose
from clouds.models import CloudAccount, SigningKey

pytestmark = pytest.mark.django_db
START = datetime(2026, 12, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POOL = "projects/123456789012/locations/global/workloadIdentityPools/skyvend/providers/skyvend"
KEYS, CONFIGURATION = "/.well-known/jwks.json", "/.well-known/openid-configuration"
RUN = Purpose(resource_id=uuid.UUID(int=7), run_id=uuid.UUID(int=8))


def served_keys() -> dict[str, Any]:
    """What a cloud would fetch, by key id."""
    return {key["kid"]: key for key in Client().get(KEYS).json()["keys"]}


def verified(token: str, audience: str) -> dict[str, Any]:
    """The claims, checked as a cloud does: with the public key of that id, the issuer and the audience."""
    key = jwt.PyJWK(served_keys()[jwt.get_unverified_header(token)["kid"]])
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience=audience, issuer="http://localhost:8000",
        options={"require": ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]},
    )  # fmt: skip
    return claims


@pytest.fixture
def of(tenant: Any, account_in: Callable[..., CloudAccount]) -> Callable[[str], CloudAccount]:
    """An account of a provider."""
    return lambda provider: account_in(tenant.organization, name=provider, provider=provider)


def test_the_configuration_says_where_the_keys_are(client: Client, settings: Any) -> None:
    settings.OIDC_ISSUER = "https://skyvend.example.com"
    answer = client.get(CONFIGURATION)
    body = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert body["issuer"] == "https://skyvend.example.com"
    assert body["jwks_uri"] == "https://skyvend.example.com/.well-known/jwks.json"
    assert body["id_token_signing_alg_values_supported"] == ["RS256"]
    assert body["response_types_supported"] == ["id_token"]


@pytest.mark.parametrize("path", [CONFIGURATION, KEYS])
def test_both_documents_are_public_cacheable_and_read_only(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert set(answer["Cache-Control"].split(", ")) == {"public", "max-age=3600"}
    assert "Set-Cookie" not in answer
    assert "Cookie" not in answer.get("Vary", "")
    assert client.head(path).status_code == 200
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(path).status_code == 405


def test_the_key_set_holds_public_halves_only_under_their_thumbprints(client: Client) -> None:
    (key,) = client.get(KEYS).json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    needed = json.dumps({name: key[name] for name in ("e", "kty", "n")}, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(needed).digest()).rstrip(b"=").decode()
    assert (key["kid"], key["use"], key["alg"]) == (thumbprint, "sig", "RS256")


def test_the_private_half_is_sealed_in_the_database() -> None:
    pem = issuer.current_key().private_key
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM clouds_signingkey")
        (stored,) = cursor.fetchone()
    assert pem.startswith("-----BEGIN PRIVATE KEY-----")
    assert b"PRIVATE KEY" not in bytes(stored)


@pytest.mark.parametrize(
    ("provider", "audience", "ending"),
    [
        ("aws", "sts.amazonaws.com", f":resource:{RUN.resource_id}"),
        ("azure", "api://AzureADTokenExchange", ""),
        ("gcp", f"//iam.googleapis.com/{POOL}", f":resource:{RUN.resource_id}"),
    ],
)
def test_a_runs_token_says_whose_it_is_and_verifies_with_the_served_keys(
    of: Callable[[str], CloudAccount], provider: str, audience: str, ending: str
) -> None:
    account = of(provider)
    claims = verified(issuer.mint(account, RUN, workload_identity_provider=POOL), audience)
    assert claims["sub"] == f"organization:{account.organization_id}:account:{account.pk}{ending}"
    assert {name: claims[name] for name in ("organization", "account", "resource", "run")} == {
        "organization": str(account.organization_id),
        "account": str(account.pk),
        "resource": str(RUN.resource_id),
        "run": str(RUN.run_id),
    }


def test_a_question_about_an_account_has_a_subject_and_a_short_token_of_its_own(
    of: Callable[[str], CloudAccount],
) -> None:
    account = of("aws")
    claims = verified(issuer.mint(account, Purpose()), "sts.amazonaws.com")
    assert claims["sub"] == f"organization:{account.organization_id}:account:{account.pk}:purpose:verify"
    assert (claims["exp"] - claims["iat"], claims["resource"], claims["run"]) == (600, "", "")


@pytest.mark.parametrize(("run_timeout", "seconds"), [(3600, 4320), (10**6, 24 * 3600 - 120)])
def test_a_runs_token_lasts_as_long_as_the_run_may_and_never_a_day(
    of: Callable[[str], CloudAccount], settings: Any, run_timeout: int, seconds: int
) -> None:
    settings.RUN_TIMEOUT, settings.RUN_CANCEL_GRACE = run_timeout, 60
    claims = jwt.decode(issuer.mint(of("aws"), RUN), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == seconds


def test_no_two_tokens_are_the_same(of: Callable[[str], CloudAccount]) -> None:
    account = of("aws")
    ids = {jwt.decode(issuer.mint(account, RUN), options={"verify_signature": False})["jti"] for _ in range(3)}
    assert len(ids) == 3


def test_a_changed_token_does_not_verify(of: Callable[[str], CloudAccount]) -> None:
    header, claims, signature = issuer.mint(of("aws"), RUN).split(".")
    other = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other["organization"] = str(uuid.uuid4())
    forged = base64.urlsafe_b64encode(json.dumps(other).encode()).rstrip(b"=").decode()
    with pytest.raises(jwt.InvalidSignatureError):
        verified(f"{header}.{forged}.{signature}", "sts.amazonaws.com")
    with pytest.raises(jwt.InvalidAudienceError):
        verified(f"{header}.{claims}.{signature}", "api://AzureADTokenExchange")


def test_the_next_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_end(
    of: Callable[[str], CloudAccount],
) -> None:
    account = of("aws")

    def signs() -> str:
        return str(jwt.get_unverified_header(issuer.mint(account, RUN))["kid"])

    with time_machine.travel(START, tick=False) as clock:
        first = signs()
        clock.move_to(START + 27 * DAY)
        issuer.rotate()
        assert list(served_keys()) == [first]  # nothing is due

        clock.move_to(START + 28 * DAY)
        issuer.rotate()
        (second,) = set(served_keys()) - {first}
        assert signs() == first

        clock.move_to(START + 30 * DAY - timedelta(seconds=1))
        issuer.rotate()
        last = issuer.mint(account, RUN)
        assert jwt.get_unverified_header(last)["kid"] == first

        clock.move_to(START + 30 * DAY)
        assert signs() == second
        assert verified(last, "sts.amazonaws.com")["account"] == str(account.pk)

        clock.move_to(START + 30 * DAY + timedelta(seconds=issuer.run_seconds() - 2))
        issuer.rotate()
        assert SigningKey.objects.get(pk=first).private_key is None  # it can sign no more
        assert verified(last, "sts.amazonaws.com")["account"] == str(account.pk)  # but what it signed counts

        clock.move_to(START + 31 * DAY + timedelta(minutes=1))
        issuer.rotate()
        assert list(served_keys()) == [second]
        assert SigningKey.objects.count() == 1


def test_a_scheduler_that_sleeps_for_long_does_no_harm(of: Callable[[str], CloudAccount]) -> None:
    account = of("aws")
    with time_machine.travel(START, tick=False) as clock:
        first = issuer.current_key().kid
        clock.move_to(START + 200 * DAY)
        assert jwt.get_unverified_header(issuer.mint(account, RUN))["kid"] == first
        issuer.rotate()
        assert issuer.current_key().kid == first  # the new one is published first, however late
        assert len(served_keys()) == 2


def test_rotating_twice_makes_one_key() -> None:
    with time_machine.travel(START, tick=False) as clock:
        issuer.rotate()
        clock.move_to(START + 28 * DAY)
        issuer.rotate()
        issuer.rotate()
        assert SigningKey.objects.count() == 2


def test_the_database_keeps_two_keys_from_having_no_successor() -> None:
    issuer.rotate()
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningKey.objects.create(kid="other", private_key="x", public_key={}, activates_at=timezone.now())


def test_a_key_in_wrong_hands_is_withdrawn_at_once(of: Callable[[str], CloudAccount]) -> None:
    token = issuer.mint(of("aws"), RUN)
    before = set(served_keys())
    issuer.rotate(at_once=True)
    assert set(served_keys()) & before == set()
    with pytest.raises(KeyError):
        verified(token, "sts.amazonaws.com")
    assert verified(issuer.mint(CloudAccount.objects.defer("credentials").get(), RUN), "sts.amazonaws.com")


def test_the_states_of_keys_have_names() -> None:
    with time_machine.travel(START, tick=False) as clock:
        issuer.rotate()
        clock.move_to(START + 28 * DAY)
        issuer.rotate()
        assert [key.state for key in SigningKey.objects.all()] == ["next", "current"]
        clock.move_to(START + 30 * DAY)
        assert [key.state for key in SigningKey.objects.all()] == ["current", "retired"]
        clock.move_to(START + 32 * DAY)
        assert [key.state for key in SigningKey.objects.all()] == ["current", "gone"]


def test_the_command_and_the_scheduler_do_what_is_due() -> None:
    tasks.rotate_signing_keys.fn()
    key = SigningKey.objects.get()
    printed = StringIO()
    call_command("rotate_signing_keys", stdout=printed)
    assert printed.getvalue().startswith(f"{key.kid}  current, signs from ")
    call_command("rotate_signing_keys", "--at-once", stdout=printed)
    assert not SigningKey.objects.filter(pk=key.pk).exists()


def test_a_signing_key_that_no_longer_opens_is_explained(tenant: Any, account_in: Any, settings: Any) -> None:
    role = {"method": "oidc", "role_arn": "arn:aws:iam::123456789012:role/skyvend"}
    account = account_in(tenant.organization, credentials=role, credential_method="oidc")
    issuer.rotate()
    settings.FERNET_KEYS = ["another key"]
    with pytest.raises(services.CredentialsUnreadable, match="signing key cannot be opened"):
        lending.usable(account, role, RUN)
    assert len(served_keys()) == 1  # what is public stays readable
