from django.urls import path
from rest_framework.routers import SimpleRouter

from .estimates import EstimatesView
from .resources import ResourceViewSet
from .runs import RunViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("resources", ResourceViewSet, basename="resource")
router.register("runs", RunViewSet, basename="run")

urlpatterns = [path("estimates", EstimatesView.as_view(), name="estimates"), *router.urls]
