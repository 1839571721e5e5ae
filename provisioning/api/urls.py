from django.urls import path
from rest_framework.routers import SimpleRouter

from .estimates import EstimatesView
from .resources import ResourceViewSet
from .runs import RunViewSet
from .sizing import SizingReadingsView, SizingViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("resources", ResourceViewSet, basename="resource")
router.register("runs", RunViewSet, basename="run")
router.register("sizing", SizingViewSet, basename="sizing")

urlpatterns = [
    path("estimates", EstimatesView.as_view(), name="estimates"),
    path("sizing/readings", SizingReadingsView.as_view(), name="sizing-readings"),
    *router.urls,
]
