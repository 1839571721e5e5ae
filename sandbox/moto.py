"""The simulated AWS on loopback: ``python -m sandbox.moto PORT``. moto, with the images our catalogue names."""

import logging
import os
import sys
from pathlib import Path

from moto.server import main

IMAGES = Path(__file__).with_name("amis.json")

if __name__ == "__main__":
    os.environ.setdefault("MOTO_AMIS_PATH", str(IMAGES))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per call would bury the rest
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
