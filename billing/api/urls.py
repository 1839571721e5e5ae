from django.urls import path

from . import views
from .costs import CostsView

urlpatterns = [
    path("billing/balance", views.BalanceView.as_view(), name="billing-balance"),
    path("billing/ledger", views.LedgerView.as_view(), name="billing-ledger"),
    path("billing/costs", CostsView.as_view(), name="billing-costs"),
    path("billing/holds", views.HoldsView.as_view(), name="billing-holds"),
]
