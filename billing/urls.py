from django.urls import path

from .views import anomalies, credit

app_name = "billing"
urlpatterns = [
    path("billing/", credit.overview, name="overview"),
    path("billing/balance-pill/", credit.balance_pill, name="balance-pill"),
    path("billing/anomalies/", anomalies.anomaly_list, name="anomaly-list"),
    path("billing/anomalies/<uuid:pk>/acknowledge/", anomalies.anomaly_acknowledge, name="anomaly-acknowledge"),
]
