"""Reading what was spent: sums and series of days within a part of the cost, and what a period will come to."""

from .breakdown import SHOWN, Breakdown, Group, Grouping, break_down, tag_names
from .periods import Period
from .scopes import EVERYTHING, Part, Scope, Several, where_all_hold
from .totals import PER_HOUR, MonthEnd, by_day, hourly_rate, month_end, period_end, reckoned, spent

__all__ = [
    "EVERYTHING",
    "PER_HOUR",
    "SHOWN",
    "Breakdown",
    "Group",
    "Grouping",
    "MonthEnd",
    "Part",
    "Period",
    "Scope",
    "Several",
    "break_down",
    "by_day",
    "hourly_rate",
    "month_end",
    "period_end",
    "reckoned",
    "spent",
    "tag_names",
    "where_all_hold",
]
