"""What the platform answers when something goes wrong: a problem document to programs, a page to people."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from accounts.api import problems

API_PREFIX = "/api/"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request itself is malformed (a forged Host, a broken upload)."""
    if _is_api(request):
        return problems.respond(request, 400, "bad_request", "Bad request", "The request could not be understood.")
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403, with the reason that ``PermissionDenied`` was raised with."""
    reason = str(exception) if exception else ""
    if _is_api(request):
        return problems.respond(request, 403, "permission_denied", "Forbidden", reason or "You may not do this.")
    return render(request, "403.html", {"reason": reason}, status=403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: no such address, or nothing there that this person may see."""
    if _is_api(request):
        return problems.respond(request, 404, "not_found", "Not found", "There is nothing at this address.")
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500. Asks the database nothing: it may be what failed."""
    if _is_api(request):
        return problems.respond(request, 500, "server_error", "Server error", "The platform failed; try again.")
    return HttpResponse(render_to_string("500.html"), status=500)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PREFIX)
