from django.urls import path

from .views import alerts, anomalies, budgets, costs, credit

app_name = "billing"
urlpatterns = [
    path("billing/", credit.overview, name="overview"),
    path("billing/balance-pill/", credit.balance_pill, name="balance-pill"),
    path("billing/anomalies/", anomalies.anomaly_list, name="anomaly-list"),
    path("billing/anomalies/<uuid:pk>/acknowledge/", anomalies.anomaly_acknowledge, name="anomaly-acknowledge"),
    path("billing/costs/", costs.costs_page, name="costs"),
    path("billing/costs/download/", costs.costs_csv, name="costs-csv"),
    path("billing/budgets/", budgets.budget_list, name="budget-list"),
    path("billing/budgets/new/", budgets.budget_new, name="budget-new"),
    path("billing/budgets/<uuid:pk>/", budgets.budget_detail, name="budget-detail"),
    path("billing/budgets/<uuid:pk>/edit/", budgets.budget_edit, name="budget-edit"),
    path("billing/budgets/<uuid:pk>/delete/", budgets.budget_delete, name="budget-delete"),
    path("billing/alerts/", alerts.alert_list, name="alert-list"),
]
