"""moto with what it lacks: controls as the other simulated clouds have them, accounts of their own, faults on purpose.

moto keeps everything in dictionaries and answers each call in a thread of its own; two calls at once now and then trip
over each other, the client repeats the one that failed, and finds half of it done ("this rule already exists"). So
here calls are answered one after the other; each takes milliseconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import secrets
import socket
import threading
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from sandbox.simulated import bill
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.faults import Dropped, Faults

from . import calls, costs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DEFAULT_ACCOUNT = "123456789012"
FIRST_KEY = "AKIASANDBOXSANDBOX00"
EXPIRED = CloudFault(400, "ExpiredToken", "The security token included in the request is expired")
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Face:
    """A WSGI application around moto's."""

    def __init__(self, moto: WSGIApplication, control_key: str) -> None:
        self.moto, self.control_key = moto, control_key
        self.faults = Faults()
        self.expired: set[str] = set()
        self.answered: dict[tuple[str, ...], Response] = {}  # to calls that name themselves, for when they are repeated
        self.bills: dict[str, list[bill.Row]] = {}  # by account
        self.turn = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        form = _form(request)
        call = calls.name(request, form)
        if call is None:
            if request.path.startswith("/control/"):
                return self._controlled(request)(environ, start_response)
            with self.turn:
                return self.moto(environ, start_response)
        try:
            answer = self._answer(request, call, form.get("ClientToken", ""))
        except Dropped:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)  # as a cable that is cut
            answer = Response(status=500)
        except CloudFault as fault:
            answer = _refusal(call, fault)
        return answer(environ, start_response)

    def _answer(self, request: Request, call: calls.Call, token: str) -> Response:
        if call.access_key in self.expired:
            raise EXPIRED
        is_dropped = self.faults.before(call.service, call.operation)
        request.environ["HTTP_X_MOTO_ACCOUNT_ID"] = account_of(call.access_key)
        if call.operation == "GetCostAndUsage":
            answer = self._billed(request, account_of(call.access_key))
        else:
            with self.turn:
                answer = self._once(request, call, token)
        if is_dropped:
            raise Dropped
        return answer

    def _once(self, request: Request, call: calls.Call, token: str) -> Response:
        """EC2 does a call with a ClientToken once, and answers its repetition as it did before; moto does it again."""
        known = (call.access_key, call.operation, token)
        if token and known in self.answered:
            return self.answered[known]
        body, status, headers = run_wsgi_app(self.moto, request.environ)
        answer = Response(b"".join(body), status, headers)
        if token and answer.status_code < 400:
            self.answered[known] = answer
        return answer

    def _billed(self, request: Request, account: str) -> Response:
        """From the account's bill, where it was given one; moto knows none of its own."""
        if account not in self.bills:
            return self._once(request, calls.Call("ce", "GetCostAndUsage", "", "json"), "")
        asked = json.loads(request.get_data(parse_form_data=False))
        return _json(costs.answer(self.bills[account], asked, datetime.now(UTC).date()))

    def _controlled(self, request: Request) -> Response:
        """Controls want the key that the trial keeps: a run shares the machine's network."""
        if not self.control_key or not hmac.compare_digest(request.headers.get("X-Sandbox-Key", ""), self.control_key):
            return _json({"error": {"code": "Forbidden"}}, 403)
        asked = (request.method, request.path)
        body: Any = request.get_json(force=True, silent=True)
        if asked == ("POST", "/control/principals"):
            return _json(new_keys(), 201)
        if asked == ("PUT", "/control/expired"):
            self.expired.add(body["access_key_id"])
            return Response(status=204)
        if asked == ("PUT", "/control/bill"):
            self.bills[account_of(body["access_key_id"])] = body["rows"]
            return Response(status=204)
        if request.path == "/control/faults":
            return self._planted(request.method, body)
        return _json({"error": {"code": "NotFound"}}, 404)

    def _planted(self, method: str, body: Any) -> Response:
        if method == "POST":
            return _json(self.faults.add(body), 201)
        if method == "DELETE":
            self.faults.clear()
            return Response(status=204)
        return _json(self.faults.listed())


def new_keys() -> dict[str, str]:
    """Keys to an account of their own, by which the platform knows the simulated AWS: see ``clouds.sandbox``."""
    middle = "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(7))
    return {
        "access_key_id": f"AKIASANDBOX{middle}00",
        "secret_access_key": base64.b64encode(secrets.token_bytes(30)).decode(),
    }


def account_of(access_key: str) -> str:
    """Twelve digits, always the same for a key; anything but keys of ours belongs to moto's own account."""
    if access_key == FIRST_KEY or not access_key.startswith("AKIASANDBOX"):
        return DEFAULT_ACCOUNT
    return f"2{int(hashlib.sha256(access_key.encode()).hexdigest(), 16) % 10**11:011d}"


def _form(request: Request) -> dict[str, str]:
    """What the request's body asks, where it is a form; moto can still read it afterwards."""
    if request.mimetype != "application/x-www-form-urlencoded":
        return {}
    body = request.get_data(parse_form_data=False)
    request.environ["wsgi.input"] = io.BytesIO(body)
    return dict(parse_qsl(body.decode()))


def _refusal(call: calls.Call, fault: CloudFault) -> Response:
    """An error as the service writes it. Source: AWS query, EC2 query, REST-XML and JSON protocol documents."""
    code, message, mark = escape(fault.code), escape(fault.message), uuid.uuid4()
    error, request_id = f"<Code>{code}</Code><Message>{message}</Message>", f"<RequestId>{mark}</RequestId>"
    if call.protocol in {"json", "rest-json"}:
        answer = _json({"__type": fault.code, "message": fault.message}, fault.status)
        answer.headers["x-amzn-ErrorType"] = fault.code
        return answer
    bodies = {
        "ec2": f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{mark}</RequestID></Response>",
        "query": f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>{request_id}</ErrorResponse>",
        "rest-xml": f"<Error>{error}{request_id}</Error>",
    }
    return Response(XML + bodies[call.protocol], fault.status, content_type="text/xml")


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
