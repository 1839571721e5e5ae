from django.urls import path

from .views import audit, invitations, organizations, profile, team, tokens

app_name = "accounts"

urlpatterns = [
    path("profile/", profile.profile, name="profile"),
    path("organizations/new/", organizations.new, name="organization-new"),
    path("organizations/switch/", organizations.switch, name="organization-switch"),
    path("team/", team.team, name="team"),
    path("team/leave/", team.leave, name="member-leave"),
    path("team/<uuid:membership_id>/role/", team.change_role, name="member-role"),
    path("team/<uuid:membership_id>/remove/", team.remove, name="member-remove"),
    path("invitations/", invitations.create, name="invitation-create"),
    path("invitations/<uuid:invitation_id>/resend/", invitations.resend, name="invitation-resend"),
    path("invitations/<uuid:invitation_id>/revoke/", invitations.revoke, name="invitation-revoke"),
    path("invitations/accept/<str:secret>/", invitations.accept, name="invitation-accept"),
    path("tokens/", tokens.token_list, name="token-list"),
    path("tokens/<uuid:token_id>/revoke/", tokens.revoke, name="token-revoke"),
    path("audit/", audit.event_list, name="audit-list"),
]
