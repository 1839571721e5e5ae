from django.urls import include, path
from rest_framework.routers import SimpleRouter

from . import views
from .anomalies import AnomalyViewSet
from .budgets import AlertsView, BudgetViewSet
from .channels import ChannelViewSet, DeliveryViewSet
from .costs import CostsView
from .export import ExportView
from .forecasts import ForecastView
from .usage import UsageView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("billing/anomalies", AnomalyViewSet, basename="billing-anomaly")
router.register("billing/budgets", BudgetViewSet, basename="billing-budget")
router.register("billing/channels", ChannelViewSet, basename="billing-channel")
router.register("billing/deliveries", DeliveryViewSet, basename="billing-delivery")

urlpatterns = [
    path("", include(router.urls)),
    path("billing/alerts", AlertsView.as_view(), name="billing-alerts"),
    path("billing/balance", views.BalanceView.as_view(), name="billing-balance"),
    path("billing/ledger", views.LedgerView.as_view(), name="billing-ledger"),
    path("billing/costs", CostsView.as_view(), name="billing-costs"),
    path("billing/export", ExportView.as_view(), name="billing-export"),
    path("billing/forecast", ForecastView.as_view(), name="billing-forecast"),
    path("billing/holds", views.HoldsView.as_view(), name="billing-holds"),
    path("billing/usage", UsageView.as_view(), name="billing-usage"),
]
