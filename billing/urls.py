from django.urls import path

from .views import costs, credit

app_name = "billing"
urlpatterns = [
    path("billing/", credit.overview, name="overview"),
    path("billing/balance-pill/", credit.balance_pill, name="balance-pill"),
    path("billing/costs/", costs.costs_page, name="costs"),
    path("billing/costs/download/", costs.costs_csv, name="costs-csv"),
]
