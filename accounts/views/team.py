from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def team(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def leave(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def change_role(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def remove(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")
