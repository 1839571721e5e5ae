"""The simulated AWS on loopback: ``python -m sandbox.moto PORT``. moto, with the images our catalogue names.

moto keeps everything in dictionaries and answers each call in a thread of its own; two calls at once now and then trip
over each other, the client repeats the one that failed, and finds half of it done ("this rule already exists"). So
here calls are answered one after the other; each takes milliseconds.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IMAGES = Path(__file__).with_name("amis.json")


class OneAtATime:
    """A WSGI application that works on one request at a time."""

    def __init__(self, application: WSGIApplication) -> None:
        self.application = application
        self.turn = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self.turn:
            return self.application(environ, start_response)


def main(port: int) -> None:
    os.environ.setdefault("MOTO_AMIS_PATH", str(IMAGES))
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")  # clusters attach AWS's own policies to their roles
    os.environ.setdefault("MOTO_PORT", str(port))
    importlib.import_module("sandbox.mending").mend()  # only now: it loads moto's EC2, which reads its images once
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per call would bury the rest
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]))
