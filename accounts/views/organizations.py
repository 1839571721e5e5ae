from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def new(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")


def switch(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return render(request, "accounts/soon.html")
