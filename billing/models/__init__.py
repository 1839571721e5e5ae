"""Money: prices, quotes, an account with an append-only ledger and holds, and what is used.

Billing knows amounts, SKUs and opaque references ("resource:<uuid>"); it does not know what is bought.
"""

from .actual import ActualCost, ChargeCategory, CostImport, CostImportStatus
from .adjustments import PriceAdjustment
from .alerts import (
    Alert,
    AlertKind,
    Channel,
    ChannelKind,
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    Severity,
)
from .anomalies import AnomalyCause, AnomalyScope, AnomalyStatus, CostAnomaly
from .budgets import Basis, Budget, Period
from .forecasts import CostForecast, ScopeKind
from .ledger import ZERO, Account, EntryKind, Hold, HoldStatus, LedgerEntry
from .prices import Price, Quote, Unit
from .usage import BilledResource, DailyCost, Meter, UsageRecord

__all__ = [
    "ZERO",
    "Account",
    "ActualCost",
    "Alert",
    "AlertKind",
    "AnomalyCause",
    "AnomalyScope",
    "AnomalyStatus",
    "Basis",
    "BilledResource",
    "Budget",
    "Channel",
    "ChannelKind",
    "ChargeCategory",
    "CostAnomaly",
    "CostForecast",
    "CostImport",
    "CostImportStatus",
    "DailyCost",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryStatus",
    "EntryKind",
    "Hold",
    "HoldStatus",
    "LedgerEntry",
    "Meter",
    "Period",
    "Price",
    "PriceAdjustment",
    "Quote",
    "ScopeKind",
    "Severity",
    "Unit",
    "UsageRecord",
]
