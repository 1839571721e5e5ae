from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from .audit import AuditViewSet
from .auth import LoginView, LogoutView, RefreshView, RegisterView
from .people import InvitationViewSet, MemberViewSet, MeView
from .tokens import TokenViewSet

router = SimpleRouter(trailing_slash=False)
router.register("members", MemberViewSet, basename="member")
router.register("invitations", InvitationViewSet, basename="invitation")
router.register("tokens", TokenViewSet, basename="token")
router.register("audit", AuditViewSet, basename="audit")

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/register", RegisterView.as_view(), name="auth-register"),
    path("auth/login", LoginView.as_view(), name="auth-login"),
    path("auth/refresh", RefreshView.as_view(), name="auth-refresh"),
    path("auth/logout", LogoutView.as_view(), name="auth-logout"),
    path("me", MeView.as_view(), name="me"),
    *router.urls,
]
