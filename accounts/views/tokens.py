from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def token_list(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def revoke(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")
