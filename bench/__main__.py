"""``python -m bench``: engine against raw CLI, orders a second, long lists, three clouds, a long export, forecasts."""

import sys

from . import engine, export, forecast, orders, three_clouds

if __name__ == "__main__":
    sys.exit(max([engine.main([]), orders.main(), three_clouds.main([]), export.main([]), forecast.main([])]))
