"""``python -m bench``: engine against raw CLI, orders per second, three clouds at once, a long export, costs."""

import sys

from . import costs, engine, export, orders, three_clouds

if __name__ == "__main__":
    sys.exit(max([engine.main([]), orders.main(), three_clouds.main([]), export.main([]), costs.main([])]))
