from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.actors import Actor, actor_of
from accounts.forms import InvitationForm, RoleForm, roles_within
from accounts.guards import requires
from accounts.models import Invitation, Membership, Right, Role


@dataclass(frozen=True)
class Row:
    """A member as the table shows them."""

    membership: Membership
    is_self: bool
    is_last_owner: bool
    can_change: bool  # the actor may give another role
    can_remove: bool

    @property
    def removal(self) -> str:
        """What taking them out means, for the confirmation."""
        organization = self.membership.organization
        if self.is_self:
            return f"You lose access to {organization} at once and your API tokens for it end. Its resources stay."
        user = self.membership.user.get_full_name()
        return f"{user} loses access to {organization} at once and their API tokens for it end. Resources stay."


@require_safe
@requires(Right.VIEW)
def team(request: HttpRequest) -> HttpResponse:
    """Who is in the organization, with which role; and, for those who manage it, who was invited."""
    return render(request, "accounts/team.html", team_context(actor_of(request)))


@require_POST
@requires(Right.MANAGE)
def change_role(request: HttpRequest, pk: Any) -> HttpResponse:
    actor = actor_of(request)
    membership = get_object_or_404(Membership.objects.visible_to(actor).select_related("user"), pk=pk)
    form = RoleForm(request.POST, actor=actor)
    if not form.is_valid():
        messages.error(request, "This role does not exist or allows more than your own.")
        return redirect("accounts:team")
    role = form.cleaned_data["role"]
    try:
        services.change_role(actor=actor, membership=membership, role=role)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{membership.user.get_full_name()} is now {role.label.lower()}.")
    return redirect("accounts:team")


@require_POST
@requires(Right.VIEW)
def remove(request: HttpRequest, pk: Any) -> HttpResponse:
    """Take a member out; everybody may take out themselves."""
    actor = actor_of(request)
    membership = get_object_or_404(Membership.objects.visible_to(actor).select_related("user"), pk=pk)
    try:
        services.remove_member(actor=actor, membership=membership)
    except services.Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("accounts:team")
    if actor.user is not None and membership.user_id == actor.user.pk:
        messages.success(request, f"You have left {actor.organization}.")
        return redirect("provisioning:dashboard")
    messages.success(request, f"{membership.user.get_full_name()} is no longer a member.")
    return redirect("accounts:team")


def team_context(actor: Actor, form: InvitationForm | None = None) -> dict[str, Any]:
    """What the team page shows to ``actor``; ``form`` is an invitation that was refused."""
    context: dict[str, Any] = {"rows": member_rows(actor), "role_choices": roles_within(actor)}
    if actor.may(Right.MANAGE):
        context["form"] = form or InvitationForm(actor=actor, initial={"role": Role.MEMBER})
        waiting = Invitation.objects.visible_to(actor).filter(accepted_at=None, revoked_at=None)
        context["invitations"] = waiting.select_related("invited_by")
    return context


def member_rows(actor: Actor) -> list[Row]:
    memberships = list(Membership.objects.visible_to(actor).select_related("user", "organization"))
    owners = sum(membership.role == Role.OWNER for membership in memberships)
    return [_row(actor, membership, owners) for membership in memberships]


def _row(actor: Actor, membership: Membership, owners: int) -> Row:
    is_self = actor.user is not None and membership.user_id == actor.user.pk
    is_last_owner = membership.role == Role.OWNER and owners == 1
    is_within = actor.role is not None and Role(membership.role).is_at_most(actor.role)
    reaches = actor.may(Right.MANAGE) and is_within and not is_last_owner
    return Row(membership, is_self, is_last_owner, can_change=reaches, can_remove=reaches and not is_self)
