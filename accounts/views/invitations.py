from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def create(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def resend(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def revoke(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def accept(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")
