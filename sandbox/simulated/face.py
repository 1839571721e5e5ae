"""The HTTP face of a simulated cloud: its controls, what the stand-in providers ask, and the cloud's own interface.

Controls want the key that the trial keeps (X-Sandbox-Key): a run shares the machine's network.
"""

from __future__ import annotations

import hmac
import json
import socket
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from . import metrics
from .cloud import Caller, Cloud
from .errors import CloudFault
from .faults import Dropped, Faults
from .store import Object, Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTES = Map(
    [
        Rule("/objects", methods=["GET"], endpoint="objects"),
        Rule("/control/credentials", methods=["GET"], endpoint="credentials"),
        Rule("/control/principals", methods=["POST"], endpoint="principals"),
        Rule("/control/faults", methods=["GET", "POST", "DELETE"], endpoint="faults"),
        Rule("/control/latency", methods=["PUT"], endpoint="latency"),
        Rule("/control/quota", methods=["PUT"], endpoint="quota"),
        Rule("/control/disabled-apis", methods=["PUT"], endpoint="disabled_apis"),
        Rule("/control/expired", methods=["PUT"], endpoint="expired"),
        Rule("/control/bill", methods=["PUT"], endpoint="bill"),
        Rule("/control/leftovers", methods=["POST"], endpoint="leftovers"),
        Rule("/control/metrics", methods=["PUT"], endpoint="metrics"),
        Rule("/standin/v1/data/<type_>", methods=["POST"], endpoint="data"),
        Rule("/standin/v1/<type_>", methods=["POST", "GET", "PUT", "DELETE"], endpoint="standin"),
    ]
)
OPERATIONS = {"POST": "create", "GET": "read", "PUT": "update", "DELETE": "delete"}
LATENCIES = {"create": 2.0, "update": 2.0, "delete": 2.0}  # seconds at scale 1; what takes longer says so itself


class Face:
    """A WSGI application."""

    def __init__(self, cloud: Cloud, store: Store, faults: Faults, control_key: str) -> None:
        self.cloud, self.store, self.faults, self.control_key = cloud, store, faults, control_key

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(Request(environ))
        except Dropped:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)  # as a cable that is cut
            answer = Response(status=500)
        except CloudFault as fault:
            answer = _json(fault.as_dict(), fault.status)
        except HTTPException as error:
            answer = _json({"error": {"code": error.name, "message": error.description}}, error.code or 500)
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            endpoint, arguments = ROUTES.bind_to_environ(request.environ).match()
        except NotFound:
            return self.cloud.api(request, self.faults.before)
        if request.path.startswith("/control/"):
            self._require_key(request)
        answer: Response = getattr(self, f"_{endpoint}")(request, **arguments)
        return answer

    def _require_key(self, request: Request) -> None:
        given = request.headers.get("X-Sandbox-Key", "")
        if not self.control_key or not hmac.compare_digest(given, self.control_key):
            raise CloudFault(403, "Forbidden", "The controls of the simulated cloud want its key.")

    def _standin(self, request: Request, type_: str) -> Response:
        caller, operation = self._caller(request), OPERATIONS[request.method]
        is_dropped = self.faults.before(type_, operation)
        self._wait(operation)
        answer = getattr(self, f"_{operation}")(request, type_, caller)
        if is_dropped:
            raise Dropped
        return answer  # type: ignore[no-any-return]

    def _create(self, request: Request, type_: str, caller: Caller) -> Response:
        body = _body(request)
        with self.store.at_once():
            made = self.cloud.create(type_, body["attributes"], body.get("scope") or {}, caller)
        return _json(_shown(made), 201)

    def _read(self, request: Request, type_: str, caller: Caller) -> Response:
        return _json(_shown(self.cloud.read(type_, request.args["id"], caller)))

    def _update(self, request: Request, type_: str, caller: Caller) -> Response:
        with self.store.at_once():
            changed = self.cloud.update(type_, request.args["id"], _body(request)["attributes"], caller)
        return _json(_shown(changed))

    def _delete(self, request: Request, type_: str, caller: Caller) -> Response:
        with self.store.at_once():
            self.cloud.delete(type_, request.args["id"], caller)
        return Response(status=204)

    def _data(self, request: Request, type_: str) -> Response:
        body, caller = _body(request), self._caller(request)
        self.faults.before(type_, "read")
        found = self.cloud.data(type_, body["attributes"], body.get("scope") or {}, caller)
        return _json({"attributes": found})

    def _caller(self, request: Request) -> Caller:
        return self.cloud.caller_of(request.headers.get("Authorization", "").removeprefix("Bearer "))

    def _wait(self, operation: str) -> None:
        time.sleep(LATENCIES.get(operation, 0) * float(self.store.setting("latency", 0)))

    def _objects(self, request: Request) -> Response:
        """What exists, by tag; no attributes, so no secret."""
        tags = dict(pair.split(":", 1) for pair in request.args.getlist("tag") if ":" in pair)
        return _json(
            [
                {
                    "type": each.type,
                    "id": each.id,
                    "name": each.name,
                    "region": each.region,
                    "scope": each.scope,
                    "tags": each.tags,
                }
                for each in self.store.find(tags=tags)
            ]
        )

    def _credentials(self, _request: Request) -> Response:
        return _json(self.cloud.credentials())

    def _principals(self, request: Request) -> Response:
        return _json(self.cloud.new_principal(**_body(request)), 201)

    def _faults(self, request: Request) -> Response:
        if request.method == "POST":
            return _json(self.faults.add(_body(request)), 201)
        if request.method == "DELETE":
            self.faults.clear()
            return Response(status=204)
        return _json(self.faults.listed())

    def _latency(self, request: Request) -> Response:
        self.store.set_setting("latency", float(_body(request)["scale"]))
        return Response(status=204)

    def _quota(self, request: Request) -> Response:
        self.store.set_setting("quota", _body(request).get("cores"))
        return Response(status=204)

    def _disabled_apis(self, request: Request) -> Response:
        self.store.set_setting("disabled_apis", request.get_json())
        return Response(status=204)

    def _expired(self, request: Request) -> Response:
        given = _body(request)
        self.cloud.expire(given.get("client_id") or given["client_email"])
        return Response(status=204)

    def _bill(self, request: Request) -> Response:
        """What a subscription or project (``scope``) is billed: see ``bill``."""
        given = _body(request)
        self.store.set_setting(f"bill:{given['scope']}", given["rows"])
        return Response(status=204)

    def _leftovers(self, request: Request) -> Response:
        with self.store.at_once():
            return _json({"ids": self.cloud.plant_leftovers(_body(request)["cluster"])}, 201)

    def _metrics(self, request: Request) -> Response:
        metrics.keep(self.store, _body(request))
        return Response(status=204)


def build(cloud: Cloud, store: Store, faults: Faults, control_key: str) -> WSGIApplication:
    return Face(cloud, store, faults, control_key)


def _shown(found: Object) -> dict[str, Any]:
    return {"id": found.id, "attributes": found.attributes}


def _body(request: Request) -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise CloudFault(400, "BadRequest", "The body must be a JSON object.")
    return body


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
