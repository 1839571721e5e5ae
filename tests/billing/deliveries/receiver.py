"""A web server that keeps what it is sent and answers as it is told. Also the tests' own reading of a signature."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def delivery(self) -> str:
        return self.headers["skyvend-delivery"]

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def is_signed_with(self, secret: str) -> bool:
        """What docs/operations.md tells receivers to do."""
        message = f"{self.headers['skyvend-timestamp']}.".encode() + self.body
        expected = "v1=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
        given = self.headers["skyvend-signature"].split(",")
        is_fresh = abs(time.time() - int(self.headers["skyvend-timestamp"])) < 300
        return is_fresh and any(hmac.compare_digest(expected, each) for each in given)


@dataclass
class Receiver:
    port: int = 0
    got: list[Got] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: Callable[[Any], None] | None = None  # answers in place of us: given the request handler

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/very-secret-path?key=very-secret-key"


@contextmanager
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.got.append(Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if told.raw is not None:
                told.raw(self)
                return
            self.send_response(told.status)
            for name, value in {"Content-Length": "0", **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Those who hang up are expected."""

    server = Server(("127.0.0.1", 0), Handler)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
