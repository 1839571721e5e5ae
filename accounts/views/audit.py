from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def event_list(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")
