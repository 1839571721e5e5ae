"""Sending to a receiver: where the connection goes, and what is taken for an answer."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from billing import safe_http
from billing.safe_http import AddressRefused, NoAnswer, post

from .deliveries.receiver import Receiver, receiver


def test_a_name_that_changes_its_mind_is_asked_once_and_never_connected_elsewhere(
    loopback: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """DNS rebinding: public when judged, this machine when connected to."""
    settings.WEBHOOK_NETWORKS = []
    answers = iter([["203.0.114.7"], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []
    connected: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    def connect(address: tuple[str, int], *args: Any, **kwargs: Any) -> Any:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NoAnswer, match="Nothing answers"):
        post("http://rebinding.test/", b"{}", {}, resolver=resolve)

    assert (asked, connected) == (["rebinding.test"], ["203.0.114.7"])


def test_a_name_that_leads_here_is_never_connected_to(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_HTTP = True
    with receiver() as told, pytest.raises(AddressRefused):
        post(f"http://evil.test:{told.port}/", b"{}", {}, resolver=lambda host, port: ["127.0.0.1"])

    assert told.got == []


@pytest.fixture
def loopback(settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_ALLOW_HTTP = True


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def told(loopback: None) -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def test_the_receiver_gets_the_body_the_path_and_the_name_as_host(told: Receiver) -> None:
    answer = post(f"http://hooks.test:{told.port}/a?b=c", b'{"a":1}', {"X-One": "1"}, resolver=here)

    [got] = told.got
    assert (answer.status, got.path, got.body, got.headers["x-one"]) == (200, "/a?b=c", b'{"a":1}', "1")
    assert got.headers["host"] == f"hooks.test:{told.port}"


def test_the_next_address_is_tried_when_one_does_not_answer(told: Receiver) -> None:
    """127.0.0.2 has nobody listening."""
    answer = post(f"http://hooks.test:{told.port}/", b"", {}, resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"])

    assert answer.status == 200


def test_a_redirect_is_an_answer_and_not_a_way(told: Receiver) -> None:
    told.status, told.headers = 302, {"Location": f"http://127.0.0.1:{told.port}/elsewhere"}

    answer = post(told.url, b"", {})

    assert (answer.status, len(told.got)) == (302, 1)


def test_proxies_of_the_environment_are_not_asked(told: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert post(told.url, b"", {}).status == 200


def test_of_a_huge_answer_only_the_head_is_read(told: Receiver) -> None:
    sent = 0

    def endless(handler: Any) -> None:
        nonlocal sent
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        with suppress(OSError):
            while sent < 1_000_000_000:
                sent += handler.wfile.write(b"x" * 65536)

    told.raw = endless
    started = time.monotonic()

    assert post(told.url, b"", {}).status == 200
    assert time.monotonic() - started < 2
    time.sleep(0.2)
    assert sent < 100_000_000


def test_endless_headers_end_it(told: Receiver) -> None:
    def endless(handler: Any) -> None:
        with suppress(OSError):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                handler.wfile.write(b"X: " + b"y" * 1000 + b"\r\n")

    told.raw = endless

    with pytest.raises(NoAnswer, match="not an answer"):
        post(told.url, b"", {})


@pytest.mark.parametrize("written", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_answer_that_breaks_off_is_none(told: Receiver, written: bytes) -> None:
    told.raw = lambda handler: handler.wfile.write(written)

    with pytest.raises(NoAnswer, match=r"broke|not an answer"):
        post(told.url, b"", {})


def test_what_is_not_http_is_no_answer(told: Receiver) -> None:
    told.raw = lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    with pytest.raises(NoAnswer, match="not an answer of a web server"):
        post(told.url, b"", {})


def trickle(handler: Any) -> None:
    """A byte now and then: each read succeeds, the whole never ends."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            handler.wfile.write(b"y")
            time.sleep(0.05)


def silence(handler: Any) -> None:
    time.sleep(3)


@pytest.mark.parametrize("behaviour", [trickle, silence])
def test_all_of_it_has_one_time_limit(told: Receiver, behaviour: Callable[[Any], None]) -> None:
    told.raw = behaviour
    started = time.monotonic()

    with pytest.raises(NoAnswer, match=r"No answer within 0\.5 seconds"):
        post(told.url, b"", {}, seconds=0.5)

    assert time.monotonic() - started < 1.5


def test_a_resolver_that_does_not_answer_has_the_same_time_limit(loopback: None) -> None:
    def slow(host: str, port: int) -> list[str]:
        time.sleep(2)
        return ["127.0.0.1"]

    started = time.monotonic()
    with pytest.raises(NoAnswer, match="could not be looked up"):
        post("http://slow.test/", b"", {}, seconds=0.3, resolver=slow)

    assert time.monotonic() - started < 1


def test_nobody_there_is_said_so(loopback: None) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        with pytest.raises(NoAnswer, match="Nothing answers"):
            post(f"http://127.0.0.1:{port}/", b"", {})


def test_a_name_nobody_knows_is_said_so() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(NoAnswer, match="cannot be found"):
        post("https://nowhere.test/", b"", {}, resolver=unknown)


@contextmanager
def tls_server(directory: Any, name: str) -> Iterator[tuple[int, ssl.SSLContext, list[str | None]]]:
    """Answers 200 with a certificate for ``name``; yields its port, a client's trust in it and the names asked for."""
    context, trust = certified(directory, name)
    asked: list[str | None] = []
    context.sni_callback = lambda connection, server_name, context: asked.append(server_name)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        with suppress(OSError, ssl.SSLError):
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as secure:
                request = b""
                while not request.endswith(b"\r\n\r\n{}"):  # head and body may come in two pieces
                    request += secure.recv(65536)
                secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], trust, asked
    finally:
        listener.close()
        thread.join(5)


def certified(directory: Any, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "both.pem").write_bytes(pem + plain)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


def test_tls_is_checked_against_the_name_and_tells_the_name(loopback: None, tmp_path: Any) -> None:
    with tls_server(tmp_path, "hooks.test") as (port, trust, asked):
        answer = post(f"https://hooks.test:{port}/", b"{}", {}, resolver=here, tls=trust)

    assert (answer.status, asked) == (204, ["hooks.test"])


def test_a_certificate_for_another_name_is_no_answer(loopback: None, tmp_path: Any) -> None:
    with (
        tls_server(tmp_path, "other.test") as (port, trust, _),
        pytest.raises(NoAnswer, match="certificate is not valid"),
    ):
        post(f"https://hooks.test:{port}/", b"{}", {}, resolver=here, tls=trust)


def test_a_certificate_nobody_knows_is_no_answer(loopback: None, tmp_path: Any) -> None:
    with (
        tls_server(tmp_path, "hooks.test") as (port, _, _asked),
        pytest.raises(NoAnswer, match="certificate is not valid"),
    ):
        post(f"https://hooks.test:{port}/", b"{}", {}, resolver=here)


def test_no_message_quotes_the_address(told: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    told.raw = lambda handler: None
    with pytest.raises(NoAnswer) as caught:
        post(told.url, b"", {})
    with pytest.raises(AddressRefused) as refused:
        post("https://very-secret-name.test:22/very-secret-path", b"", {})

    for text in (str(caught.value), str(refused.value), caplog.text):
        assert "very-secret" not in text


def test_the_time_limit_is_the_documented_one() -> None:
    assert safe_http.TIME_LIMIT == 10
