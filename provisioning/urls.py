from django.urls import path

from .views import bills, dashboard, orders, resources, runs, sizing

app_name = "provisioning"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("resources/", resources.resource_list, name="resource-list"),
    path("resources/new/", orders.choose_kind, name="resource-new"),
    path("resources/new/<slug:kind>/", orders.order, name="resource-order"),
    path("resources/new/<slug:kind>/price/", orders.price, name="resource-order-price"),
    path("resources/<uuid:pk>/", resources.resource_detail, name="resource-detail"),
    path("resources/<uuid:pk>/update/", orders.update, name="resource-update"),
    path("resources/<uuid:pk>/price/", orders.update_price, name="resource-price"),
    path("resources/<uuid:pk>/destroy/", resources.destroy, name="resource-destroy"),
    path("resources/<uuid:pk>/retry/", resources.retry, name="resource-retry"),
    path("resources/<uuid:pk>/stop/", resources.stop, name="resource-stop"),
    path("resources/<uuid:pk>/start/", resources.start, name="resource-start"),
    path("resources/<uuid:pk>/drift/", resources.detect_drift, name="resource-drift"),
    path("resources/<uuid:pk>/tags/", resources.tags, name="resource-tags"),
    path("resources/<uuid:pk>/kubeconfig/", resources.kubeconfig, name="resource-kubeconfig"),
    path("resources/<uuid:pk>/forget/", resources.forget, name="resource-forget"),
    path("billing/actual/", bills.actual_costs, name="actual-costs"),
    path("cloud-accounts/<uuid:account_id>/bill/", bills.bill_settings, name="bill-settings"),
    path("cloud-accounts/<uuid:account_id>/bill/read/", bills.bill_read, name="bill-read"),
    path("cloud-accounts/<uuid:account_id>/bill/file/", bills.bill_file, name="bill-file"),
    path("sizing/", sizing.sizing, name="sizing"),
    path("sizing/look/", sizing.look, name="sizing-look"),
    path("sizing/<uuid:pk>/dismiss/", sizing.dismiss, name="sizing-dismiss"),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/<uuid:pk>/", runs.run_detail, name="run-detail"),
    path("runs/<uuid:pk>/events/", runs.events, name="run-events"),
    path("runs/<uuid:pk>/log/", runs.download, name="run-log"),
    path("runs/<uuid:pk>/cancel/", runs.cancel, name="run-cancel"),
]
