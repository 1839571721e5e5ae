"""``python -m bench``: the engine against the raw CLI, orders per second and long lists, three clouds at once."""

import sys

from . import engine, orders, three_clouds

if __name__ == "__main__":
    sys.exit(max([engine.main([]), orders.main(), three_clouds.main([])]))
