import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.origins import client_ip, meta_of, meta_of_scope


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "expected"),
    [
        (0, "10.0.0.1", "1.2.3.4", "10.0.0.1"),  # nobody in front of us: the header is the client's claim
        (1, "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (1, "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),  # the forged left part is ignored
        (2, "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "10.0.0.1", "1.2.3.4", "10.0.0.1"),  # did not pass both proxies
        (1, "10.0.0.1", "not an address", "10.0.0.1"),
        (1, "10.0.0.1", None, "10.0.0.1"),
        (0, "fe80::1%eth0", None, "fe80::1"),
        (0, "", None, None),
        (0, None, None, None),
    ],
)
def test_the_client_is_who_our_outermost_proxy_saw(
    settings: Settings, trusted: int, remote: str | None, forwarded: str | None, expected: str | None
) -> None:
    settings.TRUSTED_PROXIES = trusted
    assert client_ip(remote, forwarded) == expected


@given(st.text(), st.text())
def test_no_header_breaks_it(remote: str, forwarded: str) -> None:
    client_ip(remote, forwarded)


def test_requests_and_sockets_give_the_same_origin() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="1.2.3.4", HTTP_USER_AGENT="curl\x00/8")
    scope = {"client": ["1.2.3.4", 5], "headers": [(b"user-agent", b"curl\x00/8")]}
    assert meta_of(request) == meta_of_scope(scope)
    assert meta_of(request).user_agent == "curl/8"
