"""The simulated AWS: ``python -m sandbox.moto PORT``. moto with one fix or two of ours, on loopback only."""

import os
import sys
from pathlib import Path

from moto.server import main

# moto knows Ubuntu releases of 2017 and no Debian; the catalogue's images need today's names.
IMAGES = Path(__file__).with_name("amis.json")

if __name__ == "__main__":
    os.environ.setdefault("MOTO_AMIS_PATH", str(IMAGES))  # read when EC2 is first asked for something
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
