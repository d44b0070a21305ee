"""The Test page of a provider: sends one small request the way live requests are sent. The answer is not stored."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from providers.models import Provider
from streaming.probe import probe


class ProbeForm(forms.Form):
    """Selects one of the provider's models, or another by name."""

    model = forms.ChoiceField(required=False, label="Model", widget=UnfoldAdminSelectWidget())
    other = forms.CharField(
        required=False,
        max_length=160,
        label="Or another model",
        help_text="The provider's name for it. The model does not have to be configured here.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    def __init__(self, provider: Provider, *args: Any) -> None:
        super().__init__(*args)
        names = provider.models.values_list("name", flat=True)
        self.fields["model"].choices = [("", "Select model"), *((name, name) for name in names)]  # type: ignore[attr-defined]
        if len(names) > 0:
            self.fields["model"].initial = names[0]

    def clean(self) -> dict[str, Any]:
        """A typed name takes precedence; one of the two fields is required."""
        data: dict[str, Any] = super().clean() or {}
        data["name"] = (data.get("other") or data.get("model") or "").strip()
        if not data["name"] and not self.errors:
            self.add_error("model", "Choose a model or enter the name of one.")
        return data


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("providers.change_provider", raise_exception=True)
def page(request: HttpRequest, provider_id: int) -> HttpResponse:
    """The form, and after a POST the result."""
    provider = get_object_or_404(Provider, pk=provider_id)
    form = ProbeForm(provider, request.POST) if request.method == "POST" else ProbeForm(provider)
    submitted = form.is_bound and form.is_valid()
    result = async_to_sync(probe)(provider_id, form.cleaned_data["name"]) if submitted else None
    context = {
        **admin.site.each_context(request),
        "title": f"Test {provider.name}",
        "provider": provider,
        "form": form,
        "result": result,
        "tested": form.cleaned_data["name"] if result is not None else "",
    }
    return TemplateResponse(request, "console/provider_test.html", context)
