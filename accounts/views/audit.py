from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import actor_of
from accounts.forms import AuditFilterForm
from accounts.guards import requires
from accounts.models import AuditEvent, Right

PAGE_SIZE = 50


@require_safe
@requires(Right.MANAGE)
def events(request: HttpRequest) -> HttpResponse:
    """Who did what, when, from where; narrowed by the filter in the address."""
    form = AuditFilterForm(request.GET)
    form.is_valid()  # invalid fields say so and narrow nothing
    found = form.narrow(AuditEvent.objects.visible_to(actor_of(request)))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    is_filtered = any(form.cleaned_data.values())
    return render(request, "accounts/audit.html", {"form": form, "page_obj": page, "is_filtered": is_filtered})
