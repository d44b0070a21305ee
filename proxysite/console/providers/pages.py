"""A provider's pages: one lists its models and adds the selected ones, another sends it a small request as a test.

A button of its form allows a field that clients lost.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from access import audit
from access.audit import record
from providers.admin.naming import models_url
from providers.config import ProviderConfig
from providers.model_list import ListedModel, listed_model
from providers.models import Model, Provider
from providers.outbound.model_lists import NoModelList, model_list
from providers.validation import validate_client_fields
from proxysite.console.providers import listed, routes
from proxysite.console.providers.usable import NotUsable, providers, usable
from streaming.probe import probe


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(
    ["providers.view_provider", "providers.use_credential", "providers.add_model"], raise_exception=True
)
def list_models(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Fetches and shows the list; a POST adds the selected models, and those whose names are entered: all or none."""
    provider = get_object_or_404(Provider, pk=provider_id)
    ticked = dict.fromkeys(request.POST.getlist("name"))
    typed = _entered(request, ticked)
    # Names that were typed need no list.
    models, error = _listed(provider) if ticked or not typed else ([], "")
    if request.method == "POST":
        selected = [] if error else [model for model in models if model.name in ticked] + typed
        if selected:
            added, rows = listed.add(provider, selected)
            messages.success(request, f"Added {added} models." if added != 1 else "Added one model.")
            return HttpResponseRedirect(_next(request, provider, rows))
        why = "the list of models could not be fetched again" if ticked and error else ""
        messages.warning(request, f"Nothing was added: {why or 'tick models, or enter the names of some'}.")
    context = {
        **admin.site.each_context(request),
        "title": f"Models of {provider.name}",
        "provider": provider,
        "error": error,
        "models": listed.rows(provider, models, ticked),
        "kept": list(ticked) if error else [],
        "typed": request.POST.get("names", ""),
        "may_route": request.user.has_perms(routes.PERMISSIONS),
    }
    return TemplateResponse(request, "console/provider_models.html", context)


def _listed(provider: Provider) -> tuple[list[ListedModel], str]:
    """The models that the provider lists now, or why they are not known."""
    try:
        return async_to_sync(model_list)(_configuration(provider)), ""
    except NoModelList as problem:
        return [], f"{problem} {problem.advice}".strip()
    except NotUsable as problem:
        return [], str(problem)


def _entered(request: HttpRequest, known: Container[str]) -> list[ListedModel]:
    """The models whose names were entered by hand."""
    names = dict.fromkeys(line.strip() for line in request.POST.get("names", "").splitlines())
    found = (listed_model(name) for name in names if name not in known)
    return [model for model in found if model is not None]


def _next(request: HttpRequest, provider: Provider, rows: list[Model]) -> str:
    """Where adding models leads on to."""
    if "routes" not in request.POST or not request.user.has_perms(routes.PERMISSIONS):
        return models_url(provider)
    return f"{reverse('console:make-routes')}?{urlencode({'model': [row.pk for row in rows[: routes.MOST]]}, True)}"


def _configuration(provider: Provider) -> ProviderConfig:
    """The provider as requests would use it. Raises NotUsable."""
    return usable(providers(), provider.pk)


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
@permission_required(["providers.view_provider", "providers.use_credential"], raise_exception=True)
def test(request: HttpRequest, provider_id: int) -> HttpResponse:
    """The form, and after a POST the result: the request is sent as live ones are, and the answer is not stored."""
    provider = get_object_or_404(Provider, pk=provider_id)
    form = ProbeForm(provider, request.POST) if request.method == "POST" else ProbeForm(provider)
    submitted = form.is_bound and form.is_valid()
    if submitted:
        record("provider tested", provider, {"model": form.cleaned_data["name"]})
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


@require_POST
@permission_required("providers.change_provider", raise_exception=True)
def allow_field(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Adds a field that clients lost to those that they may add."""
    name = request.POST.get("name", "")
    with transaction.atomic():
        audit.lock()
        provider = get_object_or_404(Provider.objects.select_for_update(), pk=provider_id)
        try:
            validate_client_fields([name])
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            if name not in provider.client_fields:
                provider.client_fields = [*provider.client_fields, name]
                provider.save(update_fields=["client_fields"])
                change = [{"changed": {"fields": ["Fields that clients may add"]}}]
                admin.site.get_model_admin(Provider).log_change(request, provider, change)
            provider.dropped_fields.filter(name=name).delete()
            messages.success(request, f"Clients may now send {name} to {provider.name}.")
    return HttpResponseRedirect(reverse("admin:providers_provider_change", args=[provider_id]))
