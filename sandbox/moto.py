"""The simulated AWS on loopback: ``python -m sandbox.moto PORT``. moto, with the images our catalogue names."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

from sandbox.simulated.aws.face import Face

IMAGES = Path(__file__).with_name("amis.json")


def main(port: int) -> None:
    os.environ.setdefault("MOTO_AMIS_PATH", str(IMAGES))
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")  # clusters attach AWS's own policies to their roles
    os.environ.setdefault("MOTO_PORT", str(port))
    importlib.import_module("sandbox.mending").mend()  # only now: it loads moto's EC2, which reads its images once
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per call would bury the rest
    application = Face(DomainDispatcherApplication(create_backend_app), os.environ.get("SANDBOX_CONTROL_KEY", ""))
    run_simple("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main(int(sys.argv[1]))
