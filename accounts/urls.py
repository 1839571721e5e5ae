from django.urls import path

from .views import audit, invitations, organizations, profile, team, tokens

app_name = "accounts"

urlpatterns = [
    path("profile/", profile.profile, name="profile"),
    path("organizations/new/", organizations.new, name="organization-new"),
    path("organizations/switch/", organizations.switch, name="organization-switch"),
    path("team/", team.team, name="team"),
    path("members/<uuid:pk>/role/", team.change_role, name="member-role"),
    path("members/<uuid:pk>/remove/", team.remove, name="member-remove"),
    path("invitations/", invitations.create, name="invitation-create"),
    path("invitations/<uuid:pk>/resend/", invitations.resend, name="invitation-resend"),
    path("invitations/<uuid:pk>/revoke/", invitations.revoke, name="invitation-revoke"),
    path("invitations/accept/<str:secret>/", invitations.arrive, name="invitation-accept"),
    path("invitations/accept/", invitations.accept, name="invitation-accept"),
    path("tokens/", tokens.tokens, name="token-list"),
    path("tokens/<uuid:pk>/revoke/", tokens.revoke, name="token-revoke"),
    path("audit/", audit.events, name="audit-list"),
]
