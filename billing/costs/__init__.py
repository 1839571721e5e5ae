"""Reading what was spent: sums and series of days within a part of the cost, and what a period will come to."""

from .breakdown import SHOWN, Breakdown, Group, Grouping, break_down, tag_names
from .choices import CostsForm
from .figures import Change, Figures, change, days_left, figures
from .periods import DAY, Period, last_days, month_of
from .scopes import EVERYTHING, Part, Scope, Several, where_all_hold
from .totals import PER_HOUR, MonthEnd, by_day, by_resource, hourly_rate, month_end, period_end, reckoned, spent
from .tree import Branch, tree

__all__ = [
    "DAY",
    "EVERYTHING",
    "PER_HOUR",
    "SHOWN",
    "Branch",
    "Breakdown",
    "Change",
    "CostsForm",
    "Figures",
    "Group",
    "Grouping",
    "MonthEnd",
    "Part",
    "Period",
    "Scope",
    "Several",
    "break_down",
    "by_day",
    "by_resource",
    "change",
    "days_left",
    "figures",
    "hourly_rate",
    "last_days",
    "month_end",
    "month_of",
    "period_end",
    "reckoned",
    "spent",
    "tag_names",
    "tree",
    "where_all_hold",
]
