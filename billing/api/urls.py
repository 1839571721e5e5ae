from django.urls import path

from . import views
from .costs import CostsView
from .export import ExportView

urlpatterns = [
    path("billing/balance", views.BalanceView.as_view(), name="billing-balance"),
    path("billing/ledger", views.LedgerView.as_view(), name="billing-ledger"),
    path("billing/costs", CostsView.as_view(), name="billing-costs"),
    path("billing/export", ExportView.as_view(), name="billing-export"),
    path("billing/holds", views.HoldsView.as_view(), name="billing-holds"),
]
