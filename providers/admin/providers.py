"""Providers with their credentials."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Prefetch, QuerySet, TextField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters
from unfold.decorators import action, display
from unfold.widgets import INPUT_CLASSES, UnfoldAdminTextareaWidget

from providers.admin import tabs
from providers.admin.credentials import CredentialInline, credential_state
from providers.admin.forms import ProviderForm
from providers.admin.naming import models_url, named
from providers.admin.new_provider import CHOOSE_MODELS, BegunFromPreset, NewProviderForm, may_list_models
from providers.credentials import headers
from providers.credentials.binding import destination_of, why_inactive
from providers.models import Credential, Provider
from proxysite.console.jobs.asking import ask, may_ask
from proxysite.console.jobs.forms import TAKES
from proxysite.console.lost_updates import EditedInList
from proxysite.state.models import Job
from usage.reports import formatting

_ADVANCED = [tabs.ADVANCED]


@admin.register(Provider)
class ProviderAdmin(BegunFromPreset, EditedInList):
    """Companies and servers that answer."""

    class Media:
        js = ("proxysite/choices.js",)

    form = ProviderForm
    list_display = ["shown_name", "dialect", "base_url", "enabled", "secrets", "models_here"]
    list_editable = ["enabled"]
    list_filter = ["dialect", "enabled"]
    search_fields = ["name", "base_url"]
    inlines = [CredentialInline]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}
    readonly_fields = ["shown_name"]
    change_form_outer_after_template = "console/dropped_fields.html"
    actions = ["fetch_model_lists"]
    actions_detail = ["test", "list_models"]
    actions_row = ["test", "list_models"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        """With what the list shows of credentials and models."""
        credentials = Credential.objects.filter(enabled=True).order_by("position", "id")
        providers: QuerySet[Provider] = super().get_queryset(request)
        return providers.annotate(model_count=Count("models")).prefetch_related(
            Prefetch("credentials", credentials, to_attr="usable_credentials")
        )

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        """In two of the tabs; the demo says what it is."""
        head = ["name", "dialect", ("base_url", "is_local"), "enabled"]
        if obj is not None and obj.is_demo:
            head.insert(0, "shown_name")
        first = [
            (None, {"fields": head}),
            ("Platform", {"fields": ["platform", "options"]}),
            (None, {"fields": ["notes"]}),
        ]
        return [
            *(self.fields_of_new(request) if obj is None else first),
            (
                "Requests",
                {"fields": ["profile", "headers", "client_fields", "transforms", "proxy_url"], "classes": _ADVANCED},
            ),
            (
                "Time-outs",
                {
                    "fields": [("connect_timeout", "first_event_timeout"), ("idle_timeout", "total_timeout")],
                    "classes": _ADVANCED,
                },
            ),
        ]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The tabs say in which of them there are errors, and the first of those is open."""
        errors = tabs.errors_by_part(context)
        context["tab_list"] = tabs.of_page(request, kwargs.get("obj"), errors)
        context["tab_errors"] = [(part, tabs.TITLES[part], labels) for part, labels in errors.items()]
        context["trial_attrs"] = {"type": "button", "data-gateway-trial": reverse("console:provider-trial")}
        context["input_class"] = " ".join(INPUT_CLASSES)
        context["choose_models"] = CHOOSE_MODELS if may_list_models(request) else ""
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form carries secrets: an error report must not."""
        return super().changeform_view(request, *args, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Saves a new provider's key; names the credentials and headers that the change has made inactive."""
        super().save_related(request, form, formsets, change)
        if isinstance(form, NewProviderForm):
            form.save_credential()
        provider: Provider = form.instance
        now = destination_of(provider)
        for credential in provider.credentials.filter(enabled=True):
            if why := why_inactive(credential, now):
                messages.warning(request, f"The credential {credential.name} is not used: {why}.")
        for name, stored in provider.secret_headers.items():
            if why := headers.why_inactive(stored, now):
                messages.warning(request, f"The provider is not called, because of its header {name}: {why}.")

    def response_add(self, request: HttpRequest, obj: Provider, post_url_continue: str | None = None) -> HttpResponse:
        """Says what the next step is."""
        if self.has_add_model_permission(request) and not {"_popup", CHOOSE_MODELS} & request.POST.keys():
            lists = may_list_models(request)
            url = reverse("console:provider-models", args=[obj.pk]) if lists else models_url(obj)
            link = format_html('<a class="text-link" href="{}">add models of {}</a>', url, obj.name)
            messages.info(request, format_html("Next, {}: the provider may list them.", link))
        return super().response_add(request, obj, post_url_continue)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """A filter in the address must not tell what a secret is."""
        return not lookup.startswith("secret_headers") and bool(super().lookup_allowed(lookup, value, request))

    def has_use_credential_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this user may send requests with a provider's credentials."""
        return request.user.has_perm("providers.use_credential")

    def has_add_model_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this user may add models."""
        return request.user.has_perm("providers.add_model")

    def has_fetch_lists_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this user may start the job that fetches model lists."""
        return request.user.has_perms(TAKES[Job.Kind.FETCH.value]) and may_ask(request.user)

    @display(description="Provider", ordering="name")
    def shown_name(self, provider: Provider) -> str:
        """With the demo's badge."""
        return named(provider)

    @display(description="Credential")
    def secrets(self, provider: Any) -> str:
        """The one that is used first."""
        if not provider.usable_credentials:
            return formatting.UNKNOWN
        text, usable = credential_state(provider.usable_credentials[0])
        return text if usable else format_html('<span class="text-red-700 dark:text-red-400">{}</span>', text)

    @display(description="Models", ordering="model_count")
    def models_here(self, provider: Any) -> str:
        """How many, linked to them."""
        return format_html('<a class="text-link" href="{}">{}</a>', models_url(provider), provider.model_count)

    @action(description="Fetch model lists", permissions=["fetch_lists"])
    def fetch_model_lists(self, request: HttpRequest, queryset: QuerySet[Provider]) -> HttpResponse:
        """Starts the job that asks those that are ticked which models they have."""
        ids = sorted(queryset.values_list("pk", flat=True))
        if not ids:
            # None stands for all.
            messages.warning(request, "The providers that you ticked are gone.")
            return HttpResponseRedirect(request.get_full_path())
        return ask(request, Job.Kind.FETCH, {"providers": ids})

    @action(description="Test", icon="network_check", permissions=["use_credential"])
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the page that sends one small real request."""
        return HttpResponseRedirect(reverse("console:provider-test", args=[object_id]))

    @action(description="List models", icon="list", permissions=["use_credential", "add_model"])
    def list_models(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the page that asks the provider which models it has."""
        return HttpResponseRedirect(reverse("console:provider-models", args=[object_id]))
