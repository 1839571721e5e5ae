"""A web server on loopback that answers as the vendors' price APIs do, and as networks do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """``promised`` more bytes than are sent: the connection is closed in the middle of the body."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int = 0
    pieces: Callable[[], Iterator[bytes]] | None = None  # instead of a body: sent in chunks
    says_length: bool = True


@dataclass(frozen=True)
class Asked:
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


def as_json(value: Any, **more: Any) -> Reply:
    """``Decimal`` becomes a number, as Azure writes prices."""
    return Reply(
        json.dumps(value, default=lambda one: float(one) if isinstance(one, Decimal) else str(one)).encode(), **more
    )


Route = Callable[[Asked], Reply]


class Vendor:
    """``routes`` by path. What a path has none for is 404; ``asked`` keeps every request, ``posted`` the bodies."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []
        self.posted: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def on(self, path: str, *replies: Reply) -> None:
        """The replies one after the other, the last one for ever."""
        left = list(replies)
        self.routes[path] = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(vendor: Vendor) -> type[BaseHTTPRequestHandler]:  # noqa: C901  - a class, and all its branches
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            asked = Asked(parts.path, query, {name.lower(): value for name, value in self.headers.items()})
            vendor.asked.append(asked)
            route = vendor.routes.get(parts.path)
            self._send(route(asked) if route else Reply(b"no such list", status=404))

        def do_POST(self) -> None:
            vendor.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.pieces:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in reply.pieces():
                    self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")
                return
            if reply.says_length:
                self.send_header("Content-Length", str(len(reply.body) + reply.promised))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = bool(reply.promised) or not reply.says_length

        def log_message(self, *args: Any) -> None:
            """Nothing on the terminal."""

    return Handler
