from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def profile(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")
