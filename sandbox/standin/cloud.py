"""The way to the simulated cloud: HTTP to its stand-in face, and only to this machine.

Errors come as Refusal with the words that the real provider would print.
"""

import http.client
import json
import os
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

ENDPOINT = "SKYVEND_SIMULATED_CLOUD"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PATIENCE = 1800.0  # seconds, where a resource sets no timeouts: what the real providers wait for most types


class Refusal(Exception):
    """The cloud said no, or could not be reached; `partial` holds what it made nevertheless."""

    def __init__(self, message: str, *, code: str = "", status: int = 0, partial: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message, self.code, self.status, self.partial = message, code, status, partial


def endpoint() -> tuple[str, int]:
    """Where the simulated cloud listens. Raises Refusal for anything that is not on this machine."""
    url = os.environ.get(ENDPOINT, "")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or not parts.port:
        raise Refusal(
            f"This is the stand-in provider of the Skyvend sandbox: it works only with a simulated cloud on this "
            f"machine. {ENDPOINT} must be http://127.0.0.1:PORT. Use the real provider for a real cloud."
        )
    return parts.hostname, parts.port


class Cloud:
    """One provider process's connection. `stop()` ends calls that are under way, as Terraform's Stop asks."""

    def __init__(self, face: str) -> None:
        self.face = face  # the host that the real provider would talk to, for error messages
        self.address = endpoint()
        self.bearer: Callable[[], str] = str
        self._stopped = threading.Event()
        self._open: set[http.client.HTTPConnection] = set()

    def create(self, type_: str, body: dict[str, Any], patience: float) -> dict[str, Any]:
        return self._object("POST", f"/standin/v1/{type_}", body, patience)

    def read(self, type_: str, id_: str, patience: float) -> dict[str, Any] | None:
        """The object's attributes, None when it is gone."""
        try:
            return self._object("GET", self._path(type_, id_), None, patience)
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    def update(self, type_: str, id_: str, body: dict[str, Any], patience: float) -> dict[str, Any]:
        return self._object("PUT", self._path(type_, id_), body, patience)

    def delete(self, type_: str, id_: str, patience: float) -> None:
        """Deleting what is gone already is no error, as with the real providers."""
        try:
            self._object("DELETE", self._path(type_, id_), None, patience)
        except Refusal as refusal:
            if refusal.status != 404:
                raise

    def data(self, type_: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._object("POST", f"/standin/v1/data/{type_}", body, PATIENCE)

    def stop(self) -> None:
        self._stopped.set()
        for connection in list(self._open):
            if connection.sock is not None:
                connection.sock.shutdown(2)

    def post_form(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """A token endpoint's answer: status and JSON."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, text = self.send("POST", path, urllib.parse.urlencode(form).encode(), headers, 60)
        return status, _json(text)

    def post_json(self, path: str, body: dict[str, Any], bearer: str) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
        status, text = self.send("POST", path, json.dumps(body).encode(), headers, 60)
        return status, _json(text)

    @staticmethod
    def _path(type_: str, id_: str) -> str:
        return f"/standin/v1/{type_}?{urllib.parse.urlencode({'id': id_})}"

    def _object(self, method: str, path: str, body: dict[str, Any] | None, patience: float) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.bearer()}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        status, text = self.send(method, path, data, headers, patience)
        answer = _json(text)
        if status < 400:
            attributes = dict(answer.get("attributes") or {})
            return {"id": answer["id"], **attributes} if "id" in answer else attributes
        error = answer.get("error")
        if not isinstance(error, dict):
            error = {"message": f"unexpected status {status} from the simulated cloud: {text[:300]!r}"}
        raise Refusal(
            str(error.get("message", "")), code=str(error.get("code", "")), status=status, partial=error.get("partial")
        )

    def send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], patience: float
    ) -> tuple[int, bytes]:
        """Status and body. Raises Refusal in Go's words when the connection fails, ends or takes too long (seconds)."""
        if self._stopped.is_set():
            raise Refusal("context canceled")
        connection = http.client.HTTPConnection(*self.address, timeout=patience)
        self._open.add(connection)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refusal(self._broken(method, path, error)) from error
        finally:
            self._open.discard(connection)
            connection.close()

    def _broken(self, method: str, path: str, error: Exception) -> str:
        if self._stopped.is_set():
            return "context canceled"
        words = "EOF"
        if isinstance(error, ConnectionRefusedError):
            words = f"dial tcp {self.address[0]}:{self.address[1]}: connect: connection refused"
        elif isinstance(error, TimeoutError):
            words = "context deadline exceeded"
        elif isinstance(error, ConnectionError) and not isinstance(error, http.client.RemoteDisconnected):
            words = f"read tcp {self.address[0]}:{self.address[1]}: read: connection reset by peer"
        return f'{method.capitalize()} "https://{self.face}{path.split("?", 1)[0]}": {words}'


def _json(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
