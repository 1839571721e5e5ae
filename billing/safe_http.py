"""One POST to an address that a tenant gave, without letting it reach anything that is not on the public internet.

The name is resolved here, every address it has is judged, and the connection goes to an address that was judged:
nothing resolves the name a second time, so it cannot mean something else by then (DNS rebinding). TLS and the Host
header keep the name. Redirects are not followed, proxies of the environment are not used, only the head of the answer
is read, and everything together has one time limit. No error quotes the address: it may be a secret.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx
from django.conf import settings

TIME_LIMIT = 10.0  # seconds for everything: name, connection, TLS, request, head of the answer
LONGEST = 2000  # characters of an address
SLICE = 4096  # bytes written before the time is looked at again
PORTS = "443, 80 or any from 1024 on"
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
SPECIAL = [  # beside what Python knows to be private: IANA's special-purpose registries, 6to4 and Teredo
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16")
] + [ipaddress.ip_network("168.63.129.16/32")]  # public by number, but inside Azure the host answers there

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]


class AddressRefused(Exception):
    """The platform does not send there. The message says why, without the address."""


class NoAnswer(Exception):
    """It could not be sent, or nothing came back; worth another try. The message is in plain words."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. ``host`` is ASCII, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Deadline:
    """The one time limit, in seconds from its making."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds, more than 0; raises :class:`NoAnswer` when there are none."""
        left = self.started + self.seconds - time.monotonic()
        if left <= 0:
            raise NoAnswer(f"No answer within {self.seconds:g} seconds.")
        return left


def parse(url: str) -> Target:
    """Take an address apart; raises :class:`AddressRefused` for what cannot be one, whatever its name leads to."""
    if len(url) > LONGEST:
        raise AddressRefused(f"This is too long: {LONGEST} characters at most.")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise AddressRefused("This is not the address of a web server.") from None
    if parsed.scheme not in _schemes() or not parsed.raw_host:
        raise AddressRefused(f"The address must begin with {' or '.join(f'{scheme}://' for scheme in _schemes())}.")
    if parsed.userinfo:
        raise AddressRefused("The address must not hold a user name or password.")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    if port not in {80, 443} and not 1024 <= port <= 65535:
        raise AddressRefused(f"The port must be {PORTS}.")
    host = parsed.raw_host.decode("ascii")
    if len(host) > 253 or "%" in host or any(character.isspace() for character in host):
        raise AddressRefused("This is not the name of a web server.")
    return Target(parsed.scheme, host, port, parsed.raw_path)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name as the machine's resolver gives them; raises ``OSError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def checked_addresses(
    host: str, port: int, *, deadline: Deadline | None = None, resolver: Resolve | None = None
) -> list[str]:
    """Where a name leads, all of it allowed.

    Raises :class:`AddressRefused` when any of its addresses is not, :class:`NoAnswer` when it has none.
    """
    found = _looked_up(host, port, deadline or Deadline(TIME_LIMIT), resolver or resolve)
    if not found:
        raise NoAnswer("The server's name cannot be found.")
    if not all(is_allowed(address) for address in found):
        raise AddressRefused("The server is in a private or reserved network, where alerts are not sent.")
    return found


def is_allowed(text: str) -> bool:
    """Whether something may be sent to this IP address: it is public, or the operator allows its network."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        address = _embedded(address) or address
    networks = (ipaddress.ip_network(each, strict=False) for each in settings.WEBHOOK_NETWORKS)
    return any(address in network for network in networks) or _is_public(address)


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    seconds: float = TIME_LIMIT,
    resolver: Resolve | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send ``body`` within ``seconds`` and return the head of the answer, whatever its status.

    Raises :class:`AddressRefused` or :class:`NoAnswer`. ``resolver`` and ``tls`` are for tests.
    """
    target, deadline = parse(url), Deadline(seconds)
    backend = _Backend(deadline, resolver)
    address = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=tls or httpx.create_ssl_context(), network_backend=backend) as pool,
            pool.stream("POST", address, headers=list(headers.items()), content=body) as answer,
        ):
            return Answer(answer.status, _readable(answer.headers))
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        raise NoAnswer(_in_words(error, deadline)) from None


class _Backend(httpcore.NetworkBackend):
    """Connects to judged addresses only, within the deadline."""

    def __init__(self, deadline: Deadline, resolver: Resolve | None) -> None:
        self.deadline = deadline
        self.resolver = resolver
        self.inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = NoAnswer("Nothing answers at this address.")
        for address in checked_addresses(host, port, deadline=self.deadline, resolver=self.resolver):
            try:
                stream = self.inner.connect_tcp(address, port, self.deadline.left(), None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self.deadline)
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise AddressRefused("Alerts are not sent to sockets of this machine.")


class _Stream(httpcore.NetworkStream):
    """A connection whose every step has only the time that is left."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self.inner = inner
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, self.deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), SLICE):
            self.inner.write(buffer[start : start + SLICE], self.deadline.left())

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, self.deadline.left()), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _looked_up(host: str, port: int, deadline: Deadline, resolver: Resolve) -> list[str]:
    """In a thread of its own, since the system's resolver knows no time limit."""
    found: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(resolver(host, port))
        except (OSError, UnicodeError):
            found.put([])

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        return found.get(timeout=deadline.left())
    except queue.Empty:
        raise NoAnswer("The server's name could not be looked up in time.") from None


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is really meant by a mapped or translated one."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if any(address in network for network in SPECIAL):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    return address in GLOBAL_UNICAST


def _schemes() -> list[str]:
    return ["https", "http"] if settings.WEBHOOK_ALLOW_HTTP else ["https"]


def _readable(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _in_words(error: Exception, deadline: Deadline) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return f"No answer within {deadline.seconds:g} seconds."
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "The server's certificate is not valid for its name."
        if isinstance(cause, ssl.SSLError):
            return "No secure connection could be agreed on with the server."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return "Nothing answers at this address."
    if isinstance(error, httpcore.ProtocolError):
        return "What came back is not an answer of a web server."
    return "The connection broke before an answer came."
