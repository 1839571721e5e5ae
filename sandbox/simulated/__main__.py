"""``python -m sandbox.simulated azure|gcp PORT FILE``: a simulated cloud on loopback, kept in FILE."""

from __future__ import annotations

import importlib
import logging
import os
import sys

from werkzeug.serving import run_simple

from . import face
from .faults import Faults
from .store import Store


def main(name: str, port: int, file: str) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per call would bury the rest
    store, faults = Store(file), Faults()
    endpoint = f"http://127.0.0.1:{port}"
    cloud = importlib.import_module(f"sandbox.simulated.{name}").make(store, endpoint)
    application = face.build(cloud, store, faults, os.environ.get("SANDBOX_CONTROL_KEY", ""))
    run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
