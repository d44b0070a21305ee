"""What the pages of routing have in common: they say what is odd about a row that was saved, and mark dead ends."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from routing.models import Route


class Advising(ModelAdmin):
    """A page whose rows may be saved and lead nowhere all the same: then it says so."""

    def advice(self, row: Any) -> str:
        """What is odd about a row; "" where nothing is, or a page knows of nothing."""
        return ""

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:
        """Save, and say what is odd."""
        super().save_model(request, obj, form, change)
        said = self.advice(obj) if obj.enabled else ""
        if said:
            messages.warning(request, said)


def route_shown(route: Route) -> str:
    """A route's name, marked where it is switched off."""
    return route.name if route.enabled else marked(f"{route.name} (switched off)")


def marked(text: str) -> str:
    """A dead end."""
    return format_html('<span class="text-red-700 dark:text-red-400">{}</span>', text)
