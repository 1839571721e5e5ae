"""``python -m bench``: engine against raw CLI, orders, lists, three clouds, exports, metering, forecasts, costs."""

import sys

from . import costs, engine, export, forecast, metering, orders, three_clouds

if __name__ == "__main__":
    own_options = (engine, three_clouds, export, metering, forecast, costs)
    sys.exit(max([orders.main(), *(each.main([]) for each in own_options)]))
