"""A cloud of forty lines: it makes up every computed value, keeps objects in a dictionary and fails when told to."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.standin import schema

MADE_UP = {"string": "made-up", "number": 1, "bool": False}


class FakeCloud(ThreadingHTTPServer):
    """`objects` by id, `requests` as (method, path), `faults` by "METHOD type": a dict to answer, "drop" or "hang"."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, dict[str, Any]] = {}
        self.bodies: list[tuple[str, str, Any]] = []
        self.faults: dict[str, Any] = {}
        self.arrived = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: FakeCloud

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        text, parts = self.rfile.read(length), urlsplit(self.path)
        if not parts.path.startswith("/standin/"):
            self.server.bodies.append((self.command, parts.path, parse_qs(text.decode())))
            status, token = self.server.faults.get("token", (200, {"access_token": "t-1", "expires_in": 3600}))
            return self.reply(status, token)
        type_, body = parts.path.removeprefix("/standin/v1/"), json.loads(text or b"{}")
        self.server.bodies.append((self.command, type_, body))
        fault = self.server.faults.get(f"{self.command} {type_}")
        if fault == "hang":
            self.server.arrived.set()
            time.sleep(30)
        if fault in ("drop", "hang"):
            return self.connection.shutdown(2)
        if isinstance(fault, dict):
            return self.reply(fault["status"], {"error": fault})
        id_ = parse_qs(parts.query).get("id", [""])[0]
        return getattr(self, f"on_{self.command.lower()}")(type_, id_, body)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the standard library's names

    def on_post(self, type_: str, _id: str, body: dict[str, Any]) -> None:
        if type_.startswith("data/"):
            block = schema.Provider(type_.partition("/")[2].partition("_")[0]).data(type_.removeprefix("data/"))
            return self.reply(200, {"attributes": completed(block, body["attributes"])})
        block = schema.Provider(type_.partition("_")[0]).resource(type_)
        id_ = identity(type_, body)
        self.server.objects[id_] = {**completed(block, body["attributes"]), "id": id_}
        return self.reply(201, {"id": id_, "attributes": self.server.objects[id_]})

    def on_get(self, _type: str, id_: str, _body: dict[str, Any]) -> None:
        found = self.server.objects.get(id_)
        if found is None:
            return self.reply(404, {"error": {"code": "NotFound", "message": "gone"}})
        return self.reply(200, {"id": id_, "attributes": found})

    def on_put(self, _type: str, id_: str, body: dict[str, Any]) -> None:
        known = {key: value for key, value in body["attributes"].items() if value is not None}
        self.server.objects[id_] |= known
        self.reply(200, {"id": id_, "attributes": self.server.objects[id_]})

    def on_delete(self, _type: str, id_: str, _body: dict[str, Any]) -> None:
        self.server.objects.pop(id_, None)
        self.reply(204, None)

    def reply(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None: ...


def identity(type_: str, body: dict[str, Any]) -> str:
    attributes, scope = body["attributes"], body["scope"]
    if type_ == "azurerm_resource_group":
        return f"/subscriptions/{scope['subscription_id']}/resourceGroups/{attributes['name']}"
    if type_ == "google_compute_network":
        return f"projects/{scope['project']}/global/networks/{attributes['name']}"
    return f"/made-up/{type_}/{attributes.get('name')}"


def completed(block: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    result = dict(value)
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("computed") and result.get(name) is None:
            type_ = attribute["type"]
            result[name] = MADE_UP[type_] if isinstance(type_, str) else {} if type_[0] == "map" else []
    for name, nested in block.get("block_types", {}).items():
        elements = result.get(name)
        if isinstance(elements, list):
            result[name] = [completed(nested["block"], element) for element in elements]
    return result
