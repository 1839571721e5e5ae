"""``python -m bench``: engine against raw CLI, orders per second, long lists, three clouds at once, a long export."""

import sys

from . import engine, export, orders, three_clouds

if __name__ == "__main__":
    sys.exit(max([engine.main([]), orders.main(), three_clouds.main([]), export.main([])]))
