"""What operators may do to rows of money: each deed asks for something first, such as an amount or a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from accounts.admin import ReadOnlyModelAdmin


class DeedAdmin(ReadOnlyModelAdmin):
    """Read-only rows with a deed that asks for something first."""

    def has_deed_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_operate_permission(request))

    def answer_form(self, request: HttpRequest, form: forms.Form, row: Model, *, title: str, verb: str) -> HttpResponse:
        """The page that asks for what a deed needs to know."""
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "form": form,
            "object": row,
            "opts": self.opts,
            "verb": verb,
        }
        return TemplateResponse(request, "admin/billing/deed.html", context)

    def back_to(self, row: Model) -> HttpResponse:
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", row.pk)
