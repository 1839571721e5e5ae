"""``python -m bench``: engine against raw CLI, orders a second, three clouds, a long export, forecasts, costs pages."""

import sys

from . import costs, engine, export, forecast, orders, three_clouds

if __name__ == "__main__":
    results = [
        engine.main([]),
        orders.main(),
        three_clouds.main([]),
        export.main([]),
        forecast.main([]),
        costs.main([]),
    ]
    sys.exit(max(results))
