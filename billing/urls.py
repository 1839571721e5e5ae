from django.urls import path

from .views import alerts, anomalies, budgets, channels, comparing, costs, credit, deliveries

app_name = "billing"
urlpatterns = [
    path("billing/", credit.overview, name="overview"),
    path("billing/balance-pill/", credit.balance_pill, name="balance-pill"),
    path("billing/anomalies/", anomalies.anomaly_list, name="anomaly-list"),
    path("billing/anomalies/<uuid:pk>/acknowledge/", anomalies.anomaly_acknowledge, name="anomaly-acknowledge"),
    path("billing/costs/", costs.costs_page, name="costs"),
    path("billing/costs/download/", costs.costs_csv, name="costs-csv"),
    path("billing/comparing/", comparing.comparing_page, name="comparing"),
    path("billing/budgets/", budgets.budget_list, name="budget-list"),
    path("billing/budgets/new/", budgets.budget_new, name="budget-new"),
    path("billing/budgets/<uuid:pk>/", budgets.budget_detail, name="budget-detail"),
    path("billing/budgets/<uuid:pk>/edit/", budgets.budget_edit, name="budget-edit"),
    path("billing/budgets/<uuid:pk>/delete/", budgets.budget_delete, name="budget-delete"),
    path("billing/alerts/", alerts.alert_list, name="alert-list"),
    path("billing/channels/", channels.channel_list, name="channel-list"),
    path("billing/channels/new/", channels.channel_new, name="channel-new"),
    path("billing/channels/<uuid:pk>/", deliveries.channel_detail, name="channel-detail"),
    path("billing/channels/<uuid:pk>/edit/", channels.channel_edit, name="channel-edit"),
    path("billing/channels/<uuid:pk>/switch/", channels.channel_switch, name="channel-switch"),
    path("billing/channels/<uuid:pk>/secret/", channels.channel_secret, name="channel-secret"),
    path("billing/channels/<uuid:pk>/delete/", channels.channel_delete, name="channel-delete"),
    path("billing/channels/<uuid:pk>/test/", deliveries.channel_test, name="channel-test"),
    path("billing/deliveries/<uuid:pk>/redeliver/", deliveries.redeliver, name="delivery-redeliver"),
]
