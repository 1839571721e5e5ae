"""``python -m bench``: engine against raw CLI, orders, lists, three clouds, a long export, metering, forecasts."""

import sys

from . import engine, export, forecast, metering, orders, three_clouds

if __name__ == "__main__":
    own_options = (engine, three_clouds, export, metering, forecast)
    sys.exit(max([orders.main(), *(each.main([]) for each in own_options)]))
