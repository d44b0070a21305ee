"""Providers with their credentials and models, and models on their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery, TextField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from providers.admin.credentials import CredentialInline, credential_state
from providers.admin.forms import ModelForm, PriceForm, PriceSet, ProviderForm
from providers.credentials import headers
from providers.credentials.binding import destination_of, why_inactive
from providers.models import Credential, Model, Provider
from providers.pricing.prices import Price
from proxysite.console.form_fields import NamedOnce
from proxysite.console.related import VisibleRelatedFilter
from usage.reports import formatting


def named(provider: Provider) -> str:
    """Returns the provider's name, with a badge if it is the demo."""
    badge = render_to_string("gateway/demo.html") if provider.is_demo else ""
    return format_html('<span class="flex items-center gap-2">{} {}</span>', provider.name, badge)


class ModelInline(StackedInline):
    """A provider's models; rarely used fields are on the model's own page."""

    model = Model
    form = ModelForm
    formset = NamedOnce
    extra = 0
    collapsible = True
    show_change_link = True
    fields = [
        ("name", "enabled"),
        ("context_window", "max_output"),
        "capabilities",
        "transforms",
        "prices_now",
    ]
    readonly_fields = ["prices_now"]

    @display(description="Prices")
    def prices_now(self, model: Model) -> str:
        """Returns the current prices; they are entered on the model's own page."""
        if model.pk is None:
            return "Save the model, then enter its prices on its own page."
        price = Price.objects.in_force(timezone.now()).filter(model=model).first()
        url = reverse("admin:providers_model_change", args=[model.pk])
        shown = "none" if price is None else f"{formatting.dollars(price.input)} / {formatting.dollars(price.output)}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, shown)


class PriceInline(StackedInline):
    """A model's prices, the latest first."""

    model = Price
    form = PriceForm
    formset = PriceSet
    extra = 0
    verbose_name = "price"
    verbose_name_plural = "prices in US dollars, tokens per million"
    fields = [
        "valid_from",
        "valid_until",
        ("input", "output"),
        ("cache_read", "cache_write_5m", "cache_write_1h"),
        ("per_request", "per_web_search"),
    ]


@admin.register(Provider)
class ProviderAdmin(ModelAdmin):
    """Companies and servers that answer."""

    form = ProviderForm
    list_display = ["shown_name", "dialect", "base_url", "enabled", "secrets", "models_here"]
    list_filter = ["dialect", "enabled"]
    search_fields = ["name", "base_url"]
    inlines = [CredentialInline, ModelInline]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}
    readonly_fields = ["shown_name"]
    change_form_outer_after_template = "console/dropped_fields.html"
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
        """The demo says what it is."""
        head = ["name", "dialect", ("base_url", "is_local"), "enabled"]
        if obj is not None and obj.is_demo:
            head.insert(0, "shown_name")
        return [
            (None, {"fields": head}),
            ("Platform", {"fields": ["platform", "options"]}),
            ("Requests", {"fields": ["profile", "headers", "client_fields", "transforms", "proxy_url"]}),
            (
                "Time-outs",
                {"fields": [("connect_timeout", "first_event_timeout"), ("idle_timeout", "total_timeout")]},
            ),
            ("Notes", {"fields": ["notes"], "classes": ["collapse"]}),
        ]

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form carries secrets: an error report must not."""
        return super().changeform_view(request, *args, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Names the credentials and headers that the change has made inactive."""
        super().save_related(request, form, formsets, change)
        provider: Provider = form.instance
        now = destination_of(provider)
        for credential in provider.credentials.filter(enabled=True):
            if why := why_inactive(credential, now):
                messages.warning(request, f"The credential {credential.name} is not used: {why}.")
        for name, stored in provider.secret_headers.items():
            if why := headers.why_inactive(stored, now):
                messages.warning(request, f"The provider is not called, because of its header {name}: {why}.")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """A filter in the address must not tell what a secret is."""
        return not lookup.startswith("secret_headers") and bool(super().lookup_allowed(lookup, value, request))

    def has_use_credential_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this user may send requests with a provider's credentials."""
        return request.user.has_perm("providers.use_credential")

    def has_add_model_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this user may add models."""
        return request.user.has_perm("providers.add_model")

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
        url = reverse("admin:providers_model_changelist")
        return format_html(
            '<a class="text-link" href="{}?provider__id__exact={}">{}</a>', url, provider.pk, provider.model_count
        )

    @action(description="Test", icon="network_check", permissions=["use_credential"])
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the page that sends one small real request."""
        return HttpResponseRedirect(reverse("console:provider-test", args=[object_id]))

    @action(description="List models", icon="list", permissions=["use_credential", "add_model"])
    def list_models(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the page that asks the provider which models it has."""
        return HttpResponseRedirect(reverse("console:provider-models", args=[object_id]))


@admin.register(Model)
class ModelAdminPage(ModelAdmin):
    """Models across providers."""

    form = ModelForm
    list_display = ["name", "shown_provider", "enabled", "context_window", "max_output", "can_do", "prices"]
    list_filter = [("provider", VisibleRelatedFilter), "enabled"]
    list_filter_submit = True
    list_select_related = ["provider"]
    search_fields = ["name", "provider__name"]
    fieldsets = [
        (None, {"fields": ["provider", "name", "enabled", ("context_window", "max_output"), "capabilities"]}),
        ("Requests", {"fields": ["transforms", "supports", "priced_for"]}),
    ]
    inlines = [PriceInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """With the provider, whose name is part of every model's, and the prices of this moment."""
        models: QuerySet[Model] = super().get_queryset(request)
        now = Price.objects.in_force(timezone.now()).filter(model=OuterRef("pk")).order_by()
        return models.select_related("provider").annotate(
            input_now=Subquery(now.values("input")[:1]), output_now=Subquery(now.values("output")[:1])
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Says what became of prices that requests were charged at."""
        super().save_formset(request, form, formset, change)
        if any(price.ended for price, _ in formset.changed_objects if isinstance(price, Price)):
            messages.info(request, "The prices that you changed end now; the new ones begin now.")
        if any(isinstance(price, Price) and price.pk for price in formset.deleted_objects):
            messages.info(request, "Prices that have begun were ended and not deleted: usage rows refer to them.")
        if any(price.valid_from == formset.moment for price in formset.new_objects if isinstance(price, Price)):
            messages.info(request, "The prices that you added begin now, where those before them end.")

    @display(description="Provider", ordering="provider__name")
    def shown_provider(self, model: Model) -> str:
        """With the demo's badge."""
        return named(model.provider)

    @display(description="Can")
    def can_do(self, model: Model) -> str:
        """Its capabilities."""
        return ", ".join(model.capabilities) or formatting.UNKNOWN

    @display(description="Price in / out", ordering="output_now")
    def prices(self, model: Any) -> str:
        """Per million tokens, at this moment."""
        return f"{formatting.dollars(model.input_now)} / {formatting.dollars(model.output_now)}"
