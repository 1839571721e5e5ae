"""Budgets: what may be said of them, how they are kept, and how they stand."""

from .periods import Span, span_of
from .scopes import ScopeValues, covers, described, known_values
from .services import MAX_BUDGETS, change_budget, create_budget, delete_budget
from .standings import Standing, scope_of, standings
from .thresholds import DEFAULT_THRESHOLDS, MAX_PERCENT, MAX_THRESHOLDS, clean_thresholds

__all__ = [
    "DEFAULT_THRESHOLDS",
    "MAX_BUDGETS",
    "MAX_PERCENT",
    "MAX_THRESHOLDS",
    "ScopeValues",
    "Span",
    "Standing",
    "change_budget",
    "clean_thresholds",
    "covers",
    "create_budget",
    "delete_budget",
    "described",
    "known_values",
    "scope_of",
    "span_of",
    "standings",
]
