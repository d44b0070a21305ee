"""The page of a new provider: a gallery of known ones, and the form that one of them has filled in."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from access.validation import free_name
from providers.admin.choices import ADDRESSES
from providers.admin.credentials import checked_secret, store_secret
from providers.admin.forms import ProviderForm
from providers.models import Credential, Provider
from providers.presets.table import PRESETS, SYMBOLS, Preset
from proxysite.admin.kept_secret import KeptSecretWidget, owner_of

CHOOSE_MODELS = "_models"
"""Name of the button that saves, and goes on to the models that the provider lists."""
_ADDRESS_HELP = "The gateway calls no other address. A pasted endpoint is cut down to it."
_KEY_HELP = (
    "Stored encrypted and never shown again. More keys, and variables of the environment, are under Credentials."
)


class NewProviderForm(ProviderForm):
    """A provider that is being added, with its first key."""

    key = forms.CharField(
        required=False,
        label="API key",
        max_length=16384,
        widget=KeptSecretWidget(attrs={"autocomplete": "new-password"}, render_value=False),
    )
    key_hint = ""
    """What the preset says of its key: set by the page."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.credential: Credential | None = None
        """The entered key, which is saved after the provider."""
        if "key" in self.fields:
            self.fields["key"].widget.owner = self.owner
            self.fields["key"].help_text = f"{self.key_hint} {_KEY_HELP}".strip()

    def clean_key(self) -> str:
        """Keeps the key for the credential that will hold it."""
        key = checked_secret(self.cleaned_data["key"])
        if key:
            credential = Credential()
            try:
                store_secret(credential, key)
            except ImproperlyConfigured as error:
                raise forms.ValidationError(str(error)) from error
            self.credential = credential
        return key

    def save_credential(self) -> None:
        """Saves the key as a credential of the saved provider, under a name that is free."""
        if self.credential is not None:
            taken = self.instance.credentials.values_list("name", flat=True)
            self.credential.name = free_name(self.credential.name, taken)
            self.credential.provider = self.instance
            self.credential.save()


class BegunFromPreset(ModelAdmin):
    """The admin page of providers as far as it is about new ones."""

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        """Without a preset it shows the gallery; in a pop-up, the empty form."""
        preset = preset_of(request)
        if request.method != "POST" and preset is None and "_popup" not in request.GET:
            return self._gallery(request)
        if preset is not None and preset.base_url + preset.dialect:
            extra_context = {"preset": preset, "title": f"Add {preset.label}", **(extra_context or {})}
        return super().add_view(request, form_url, extra_context)

    def _gallery(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        groups = [
            (group, SYMBOLS[group], list(presets))
            for group, presets in groupby(PRESETS.values(), key=lambda preset: preset.group)
        ]
        context = {
            **admin.site.each_context(request),
            "title": "Add a provider",
            "opts": Provider._meta,
            "groups": groups,
            "existing": set(Provider.objects.values_list("name", flat=True)),
        }
        return TemplateResponse(request, "admin/providers/provider/gallery.html", context)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the preset knows, and a name that is free."""
        preset = preset_of(request)
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        if preset is None or not preset.dialect:
            return initial
        taken = Provider.objects.values_list("name", flat=True)
        return {**initial, **preset.initial(), "name": free_name(preset.usual_name or preset.name, taken)}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """That of a new provider has a key, for those who may add credentials; it is made anew for each request."""
        new: dict[str, Any] = {"form": NewProviderForm} if obj is None else {}
        form = super().get_form(request, obj, change, **new | options)
        form.owner = owner_of(request)
        if obj is not None:
            return form
        preset = preset_of(request)
        if preset is not None and preset.dialect in ADDRESSES and not preset.platform:
            form.base_fields["base_url"].help_text = f"{ADDRESSES[preset.dialect]} {_ADDRESS_HELP}"
        if not request.user.has_perm("providers.add_credential"):
            del form.base_fields["key"]
        elif preset is not None:
            form.key_hint = preset.key_hint
        return form

    def fields_of_new(self, request: HttpRequest) -> list[tuple[str | None, dict[str, Any]]]:
        """Returns the fieldsets of the first tab: what is left to fill in, and what the preset has filled in."""
        preset = preset_of(request)
        key = ["key"] if request.user.has_perm("providers.add_credential") else []
        if preset is None or not preset.dialect:
            return [
                (None, {"fields": ["name", "dialect", ("base_url", "is_local"), *key, "enabled"]}),
                ("Platform", {"fields": ["platform", "options"]}),
                (None, {"fields": ["notes"]}),
            ]
        asked = ["name", *preset.asks, *(key if preset.needs_key is not False else [])]
        known = ["dialect", "base_url", "is_local", "enabled", "platform", "options", "notes"]
        rest = [name for name in known if name not in asked]
        return [
            (None, {"fields": asked}),
            (f"Filled in for {preset.label}", {"fields": rest, "classes": ["collapse"]}),
        ]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Goes on to the models of the provider, where that was asked for."""
        if CHOOSE_MODELS in request.POST and may_list_models(request):
            messages.success(request, f"The provider {obj.name} is saved. Choose its models here.")
            return HttpResponseRedirect(reverse("console:provider-models", args=[obj.pk]))
        answer: HttpResponse = super().response_add(request, obj, post_url_continue)
        return answer


def preset_of(request: HttpRequest) -> Preset | None:
    """Returns the preset that the address names."""
    return PRESETS.get(request.GET.get("preset", ""))


def may_list_models(request: HttpRequest) -> bool:
    """Whether this user may ask a provider for its models, and add some."""
    return request.user.has_perms(["providers.view_provider", "providers.use_credential", "providers.add_model"])
