"""Routes in the admin, with the models that may answer for them in the order they are tried."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet, TextField
from django.http import HttpRequest
from django.template.loader import render_to_string
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from providers.forms import NamedOnce
from routing.models import Candidate, Route


class RouteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A route."""

    class Meta:
        model = Route
        fields = ("name", "display_name", "is_default", "enabled", "notes")
        error_messages = {
            "name": {"unique": "Another route has this name: choose a different one, or edit that route."}
        }

    def clean_is_default(self) -> bool:
        """Say beside the switch which route is the default already."""
        wanted: bool = self.cleaned_data["is_default"]
        other = Route.objects.filter(is_default=True).exclude(pk=self.instance.pk).first()
        if wanted and other is not None:
            raise forms.ValidationError(f"{other.name} is the default route already: switch it off there first.")
        return wanted


class EachModelOnce(NamedOnce):
    """A route's candidates."""

    once = "model"
    message = "This model stands here twice: a route tries each one once. Remove one of the lines."

    def clean(self) -> None:
        """A row that was added and not dragged anywhere is tried last, not first."""
        super().clean()
        rows = [form for form in self.forms if form not in self.deleted_forms and getattr(form, "cleaned_data", {})]
        positions = [form.cleaned_data.get("position") or 0 for form in rows]
        dragged = any("position" in form.changed_data for form in rows)
        last = max(positions, default=0)
        for form, position in zip(rows, positions, strict=True):
            untouched = form.instance.pk is None and "position" not in form.changed_data
            if untouched and len(rows) > 1 and (not dragged or positions.count(position) > 1):
                last += 1
                form.instance.position = last


class CandidateInline(TabularInline):
    """A route's candidates in order; drag a row to move it."""

    model = Candidate
    formset = EachModelOnce
    extra = 0
    fields = ["model", "enabled", "position"]
    autocomplete_fields = ["model"]
    ordering_field = "position"
    hide_ordering_field = True
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Candidate]:
        """With each model's provider, whose name is shown."""
        candidates: QuerySet[Candidate] = super().get_queryset(request)
        return candidates.select_related("model__provider")


@admin.register(Route)
class RouteAdmin(ModelAdmin):
    """The names that clients put in `model`."""

    form = RouteForm
    list_display = ["name", "default", "enabled", "tried", "display_name"]
    list_filter = ["enabled"]
    search_fields = ["name", "display_name"]
    inlines = [CandidateInline]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        """With the candidates in the order they are tried."""
        ordered = Candidate.objects.order_by("position", "id").select_related("model__provider")
        routes: QuerySet[Route] = super().get_queryset(request)
        return routes.prefetch_related(Prefetch("candidates", ordered))

    @display(description="Default", ordering="is_default", label={"default": "primary"}, empty_value="")
    def default(self, route: Route) -> str:
        """The one route that answers unknown names."""
        return "default" if route.is_default else ""

    @display(description="Answered by, in this order")
    def tried(self, route: Any) -> str:
        """Providers and models; those switched off are struck through."""
        return render_to_string("gateway/candidates.html", {"candidates": route.candidates.all()})
