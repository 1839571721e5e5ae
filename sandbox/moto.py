"""The simulated AWS: ``python -m sandbox.moto PORT``. moto with one fix or two of ours, on loopback only."""

import sys

from moto.server import main

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
