"""Duplicates of a row: the page of a new one begins with what an existing one has (`?copy=7`). Nothing is saved before
somebody saves it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.forms import model_to_dict
from django.http import HttpRequest
from django.urls import reverse
from unfold.admin import ModelAdmin

from access.validation import free_name


class Duplicates(ModelAdmin):
    """An admin page whose rows can be duplicated."""

    named_by: ClassVar[str] = "name"
    """The field that no two rows share; a duplicate gets a value that is free. "" where there is none."""
    not_copied: ClassVar[frozenset[str]] = frozenset()
    """Fields that a duplicate does not take over."""

    def original(self, request: HttpRequest) -> Any:
        """Returns the row that a page of a new one begins with; None without one that the reader may see."""
        number = request.GET.get("copy", "")
        if not number.isdecimal() or len(number) > 18:
            return None
        row = self.get_queryset(request).filter(pk=int(number)).first()
        return row if row is not None and self.has_view_permission(request, row) else None

    def copy_url(self, request: HttpRequest, row: Any) -> str:
        """Returns where a duplicate of a row is made; "" for those who may not add one."""
        if not self.has_add_permission(request):
            return ""
        return f"{reverse(f'admin:{self.opts.app_label}_{self.opts.model_name}_add')}?copy={row.pk}"

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """With what the original has."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        row = self.original(request)
        if row is None:
            return initial
        copied = {name: value for name, value in model_to_dict(row).items() if name not in {"id", *self.not_copied}}
        if self.named_by:
            taken = self.model._default_manager.values_list(self.named_by, flat=True)
            copied[self.named_by] = free_name(copied[self.named_by], taken)
        return {**initial, **copied}
