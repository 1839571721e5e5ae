"""``python -m bench``: engine against raw CLI, orders per second, long lists, three clouds, a long export, metering."""

import sys

from . import engine, export, metering, orders, three_clouds

if __name__ == "__main__":
    sys.exit(max([engine.main([]), orders.main(), three_clouds.main([]), export.main([]), metering.main([])]))
