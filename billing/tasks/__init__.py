"""The scheduler's ticks for money, a file for each thing that is done; the worker loads what is imported here."""

from .alerting import evaluate_budgets
from .alerts import ring_for_alerts
from .forecasts import forecast_costs
from .metering import book_usage

__all__ = ["book_usage", "evaluate_budgets", "forecast_costs", "ring_for_alerts"]
