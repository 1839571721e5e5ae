"""``python -m bench``: the engine against the raw CLI, then orders per second and long lists."""

import sys

from . import engine, orders

if __name__ == "__main__":
    sys.exit(max([engine.main([]), orders.main()]))
