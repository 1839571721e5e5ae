"""AWS without a stored key: a role that trusts our tokens, and one that the platform's user assumes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest
from moto import mock_aws

from clouds.providers import CloudUnreachable, CredentialsRefused
from clouds.providers.aws import TOKEN_FILE, AwsAdapter

from .conftest import REGION

ARN = "arn:aws:iam::123456789012:role/skyvend"
TOKEN = "a-header.the-claims-of-a-token.its-signature"
SESSION = {"role_arn": ARN, "session_name": "skyvend-run-1", "session_seconds": "4320"}
FEDERATED = {"method": "oidc", "web_identity_token": TOKEN, **SESSION}
PLATFORM_SECRET = "platform-secret-that-no-run-may-see-0000"
ASSUMED = {
    "method": "assume_role",
    "external_id": "organization:1:account:2",
    "platform_access_key_id": "AKIAPLATFORMPLATFORM",
    "platform_secret_access_key": PLATFORM_SECRET,
    **SESSION,
}
ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<Error><Type>Sender</Type><Code>{code}</Code><Message>secret words</Message></Error></ErrorResponse>"""
GRANTED = """<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
<Credentials><AccessKeyId>ASIAGRANTED0000000000</AccessKeyId><SecretAccessKey>granted</SecretAccessKey>
<SessionToken>granted-token</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
</{action}Result></{action}Response>"""


class Sts(BaseHTTPRequestHandler):
    """Refuses with ``code``, or any session longer than ``most`` seconds."""

    code, most, seen, signed = "", 43_200, [], []

    def do_POST(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(self._body()).items()}
        Sts.seen.append(asked)
        Sts.signed.append(self.headers.get("Authorization"))
        is_too_long = int(asked["DurationSeconds"]) > Sts.most
        code = "ValidationError" if is_too_long else Sts.code
        self.send_response(400 if code else 200)
        self.end_headers()
        answer = ERROR.format(code=code) if code else GRANTED.format(action=asked["Action"])
        self.wfile.write(answer.encode())

    def _body(self) -> str:
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def sts() -> Iterator[str]:
    Sts.code, Sts.most, Sts.seen, Sts.signed = "", 43_200, [], []
    server = HTTPServer(("127.0.0.1", 0), Sts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("credentials", [FEDERATED, ASSUMED])
def test_moto_takes_us_for_a_session_of_the_role(credentials):
    with mock_aws():
        identity = AwsAdapter().verify(credentials, REGION)
    assert identity.principal == "arn:aws:sts::123456789012:assumed-role/skyvend/skyvend-run-1"
    assert identity.owner == "123456789012"


def test_a_token_is_traded_without_a_signature_of_ours(sts):
    AwsAdapter(sts)._cloud(FEDERATED, REGION).keys  # noqa: B018
    (asked,) = Sts.seen
    assert (asked["Action"], asked["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", TOKEN)
    assert (asked["RoleArn"], asked["RoleSessionName"], asked["DurationSeconds"]) == (ARN, "skyvend-run-1", "4320")
    assert Sts.signed == [None]


def test_a_role_is_assumed_with_the_external_id_and_the_platforms_own_user(sts):
    AwsAdapter(sts)._cloud(ASSUMED, REGION).keys  # noqa: B018
    (asked,) = Sts.seen
    assert (asked["Action"], asked["ExternalId"]) == ("AssumeRole", "organization:1:account:2")
    assert "AKIAPLATFORMPLATFORM" in Sts.signed[0]


def test_a_role_is_assumed_once_for_all_that_one_question_asks(sts):
    cloud = AwsAdapter(sts)._cloud(ASSUMED, REGION)
    for service in ("sts", "ec2", "s3"):
        cloud.client(service)
    assert len(Sts.seen) == 1


def test_a_role_with_short_sessions_gives_an_hour(sts):
    Sts.most = 3600
    AwsAdapter(sts)._cloud(ASSUMED, REGION).keys  # noqa: B018
    assert [asked["DurationSeconds"] for asked in Sts.seen] == ["4320", "3600"]


def test_a_run_of_an_assumed_role_gets_its_session_and_nothing_of_the_platforms(sts):
    environment = AwsAdapter(sts).runner_environment(ASSUMED, REGION)
    assert environment.variables == {
        "AWS_ACCESS_KEY_ID": "ASIAGRANTED0000000000",
        "AWS_SECRET_ACCESS_KEY": "granted",
        "AWS_SESSION_TOKEN": "granted-token",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": sts,
    }
    assert environment.secret_files == {}


def test_a_run_with_a_token_signs_in_by_itself(sts):
    environment = AwsAdapter().runner_environment(FEDERATED, REGION)
    assert environment.variables == {
        "AWS_ROLE_ARN": ARN,
        "AWS_ROLE_SESSION_NAME": "skyvend-run-1",
        "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert environment.secret_files == {TOKEN_FILE: TOKEN}
    assert TOKEN not in repr(environment)
    assert Sts.seen == []


@pytest.mark.parametrize(
    ("credentials", "code", "words"),
    [
        (FEDERATED, "AccessDenied", "does not let this account's tokens in"),
        (FEDERATED, "InvalidIdentityToken", "Is the identity provider made in your AWS account"),
        (FEDERATED, "IDPCommunicationError", "could not fetch the platform's public keys"),
        (FEDERATED, "IDPRejectedClaim", "a claim in it is not what"),
        (FEDERATED, "ExpiredTokenException", "the clock of this platform is wrong"),
        (FEDERATED, "ValidationError", "does not take this role's ARN"),
        (ASSUMED, "AccessDenied", "names the platform's user and this account's external id"),
        (ASSUMED, "RegionDisabledException", "switched off in this region"),
    ],
)
def test_refusals_say_what_to_change_at_the_role(sts, credentials, code, words):
    Sts.code = code
    with pytest.raises(CredentialsRefused) as raised:
        AwsAdapter(sts).verify(credentials, REGION)
    assert words in str(raised.value)
    assert raised.value.__cause__ is None
    assert not [secret for secret in (TOKEN, PLATFORM_SECRET, "secret words") if secret in str(raised.value)]


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_a_broken_user_of_the_platform_is_not_the_tenants_fault(sts, code):
    Sts.code = code
    with pytest.raises(CloudUnreachable, match="the platform's own user"):
        AwsAdapter(sts).verify(ASSUMED, REGION)


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("arn:aws:iam::123456789012:role/skyvend", "us-east-1"),
        ("arn:aws-cn:iam::123456789012:role/skyvend", "cn-north-1"),
        ("arn:aws-us-gov:iam::123456789012:role/skyvend", "us-gov-west-1"),
    ],
)
def test_without_a_region_a_role_is_asked_for_in_its_own_partition(arn, region):
    assert AwsAdapter()._cloud({**FEDERATED, "role_arn": arn}, "").region == region
