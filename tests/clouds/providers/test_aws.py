from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from clouds.providers import ADAPTERS, CloudUnreachable, CredentialsRefused, get_adapter
from clouds.providers.aws import OVERRIDE_FILE, AwsAdapter

from .conftest import KEYS, REGION, enforced

ERROR = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"""


class StubSts(BaseHTTPRequestHandler):
    code, message, status, seen = "", "", 403, []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        StubSts.seen.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(ERROR.format(code=self.code, message=self.message).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def sts() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), StubSts)
    StubSts.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_only_providers_with_an_adapter_are_offered():
    assert list(ADAPTERS) == ["aws", "azure", "gcp"]
    with pytest.raises(LookupError):
        get_adapter("oracle")


def test_adapters_are_made_once_per_endpoint():
    assert get_adapter("aws") is get_adapter("aws")
    assert get_adapter("aws", "http://127.0.0.1:1") is not get_adapter("aws")


def test_verify_says_who_the_keys_are(user_with, aws):
    keys = user_with("ec2:DescribeTags")
    identity = enforced(aws.verify)(keys, REGION)
    assert identity.principal == "arn:aws:iam::123456789012:user/skyvend"
    assert identity.owner == "123456789012"
    assert aws.owner_of(identity.principal) == identity.owner


def test_unknown_key_is_refused(aws):
    with pytest.raises(CredentialsRefused, match="does not know this access key ID"):
        enforced(aws.verify)(KEYS, REGION)


def test_wrong_secret_is_refused(user_with, aws):
    keys = {**user_with("ec2:DescribeTags"), "secret_access_key": KEYS["secret_access_key"]}
    with pytest.raises(CredentialsRefused, match="does not belong to this access key ID"):
        enforced(aws.verify)(keys, REGION)


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("InvalidClientTokenId", "The security token included in the request is invalid.", "does not know this access"),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match", "does not belong to this acc"),
        ("ExpiredToken", "The security token included in the request is expired", "session token has expired"),
        ("OptInRequired", "You are not subscribed", "not activated yet"),
    ],
)
def test_refusals_are_explained(sts, code, message, words):
    StubSts.code, StubSts.message, StubSts.status = code, message, 403
    with pytest.raises(CredentialsRefused, match=words) as raised:
        AwsAdapter(sts).verify(KEYS, REGION)
    assert raised.value.__cause__ is None
    assert KEYS["secret_access_key"] not in str(raised.value)


@pytest.mark.parametrize(
    ("code", "message", "status", "words"),
    [
        ("SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than", 403, "clock"),
        ("ServiceUnavailable", "", 503, "with an error: ServiceUnavailable"),
        ("Odd &lt;b&gt; code", "", 400, "with an error: Oddbcode"),
        ("<b>not XML", "", 502, "could not be reached"),
    ],
)
def test_what_says_nothing_about_the_keys_is_not_a_refusal(sts, code, message, status, words):
    StubSts.code, StubSts.message, StubSts.status = code, message, status
    with pytest.raises(CloudUnreachable, match=words):
        AwsAdapter(sts).verify(KEYS, REGION)


def test_an_outage_is_tried_twice_only(sts):
    StubSts.code, StubSts.message, StubSts.status = "ServiceUnavailable", "", 503
    with pytest.raises(CloudUnreachable):
        AwsAdapter(sts).verify(KEYS, REGION)
    assert len(StubSts.seen) == 2


def test_a_closed_port_is_unreachable():
    with pytest.raises(CloudUnreachable, match="could not be reached"):
        AwsAdapter("http://127.0.0.1:9").verify(KEYS, REGION)


def test_real_accounts_ignore_endpoints_and_profiles_of_our_own_environment(sts, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile operator]\nregion = us-west-2\nendpoint_url = http://127.0.0.1:9\n")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.setenv(name, sts)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "operator")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the operator's own")
    client = AwsAdapter()._cloud(KEYS, REGION).client("sts")
    assert client.meta.endpoint_url == f"https://sts.{REGION}.amazonaws.com"
    assert client._request_signer._credentials.token is None
    monkeypatch.setenv("AWS_PROFILE", "one that does not exist")
    AwsAdapter()._cloud(KEYS, REGION).client("sts")


def test_regions_are_known_without_asking():
    regions = AwsAdapter().regions()
    assert {"eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"} <= set(regions)
    assert "mars-1" not in regions


def test_runner_environment_of_a_real_account_has_no_endpoint(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    environment = AwsAdapter().runner_environment(KEYS, REGION)
    assert environment.variables == {
        "AWS_ACCESS_KEY_ID": KEYS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["secret_access_key"],
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert environment.files == {}


def test_runner_environment_carries_the_session_token():
    environment = AwsAdapter().runner_environment({**KEYS, "session_token": "t" * 20}, REGION)
    assert environment.variables["AWS_SESSION_TOKEN"] == "t" * 20


def test_runner_environment_of_the_simulated_cloud_points_there():
    environment = AwsAdapter("http://127.0.0.1:5000").runner_environment(KEYS, REGION)
    assert environment.variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"
    assert json.loads(environment.files[OVERRIDE_FILE]) == {
        "provider": {
            "aws": {
                "skip_credentials_validation": True,
                "skip_metadata_api_check": True,
                "skip_requesting_account_id": True,
                "s3_use_path_style": True,
            }
        }
    }
    assert KEYS["secret_access_key"] not in json.dumps(environment.files)


def test_runner_environment_does_not_show_its_secrets():
    environment = AwsAdapter().runner_environment(KEYS, REGION)
    assert KEYS["secret_access_key"] not in repr(environment)
    assert KEYS["secret_access_key"] not in f"{environment}"


def test_policy_grants_what_is_asked_and_the_simulator():
    policy = json.loads(AwsAdapter().policy(["s3:CreateBucket", "ec2:RunInstances", "s3:CreateBucket"]))
    assert policy["Statement"] == [
        {
            "Sid": "Skyvend",
            "Effect": "Allow",
            "Action": ["ec2:RunInstances", "iam:SimulatePrincipalPolicy", "s3:CreateBucket"],
            "Resource": "*",
        }
    ]


def test_the_heavy_package_is_loaded_only_when_needed():
    code = "import sys, django; django.setup(); import clouds.services, clouds.forms; print('botocore' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
