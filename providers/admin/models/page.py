"""The list of models, of all providers or of one, and the page of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from unfold.admin import StackedInline
from unfold.decorators import display

from providers.admin import tabs
from providers.admin.forms import ModelForm, PriceForm, PriceSet
from providers.admin.models.actions import ManyModels
from providers.admin.models.row_form import ModelRowForm, ModelRows
from providers.admin.naming import named
from providers.models import Model, Provider
from providers.pricing.prices import Price
from proxysite.console.lost_updates import EditedInList
from proxysite.console.related import VisibleRelatedFilter
from usage.reports import amounts, formatting

_OF_PROVIDER = "provider__id__exact"


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


@admin.register(Model)
class ModelAdminPage(ManyModels, EditedInList):
    """Models across providers, or those of one."""

    form = ModelForm
    row_form = ModelRowForm
    list_display = [
        "name",
        "shown_provider",
        "enabled",
        "price_in",
        "price_out",
        "price_changes",
        "window",
        "longest_answer",
        "can_do",
    ]
    list_editable = ["enabled"]
    list_per_page = 40
    list_max_show_all = 50
    list_filter = [("provider", VisibleRelatedFilter), "enabled"]
    list_filter_submit = True
    list_select_related = ["provider"]
    list_before_template = "admin/providers/model/of_provider.html"
    search_fields = ["name", "provider__name"]
    fieldsets = [
        (None, {"fields": ["provider", "name", "enabled", ("context_window", "max_output"), "capabilities"]}),
        ("Requests", {"fields": ["transforms", "supports", "priced_for"]}),
    ]
    inlines = [PriceInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """With the provider, whose name is part of every model's, and the prices of this moment."""
        models: QuerySet[Model] = super().get_queryset(request)
        moment = timezone.now()
        prices = Price.objects.filter(model=OuterRef("pk"))
        now = prices.in_force(moment).order_by()
        later = prices.filter(valid_from__gt=moment).order_by("valid_from")
        return models.select_related("provider").annotate(
            input_now=Subquery(now.values("input")[:1]),
            output_now=Subquery(now.values("output")[:1]),
            until=Subquery(now.values("valid_until")[:1]),
            others_from=Subquery(later.values("valid_from")[:1]),
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list of one provider names it and leads back to it."""
        provider = _provider_of(request.GET)
        context: dict[str, Any] = {"of_provider": provider, **(extra_context or {})}
        if provider is not None:
            context |= {"title": f"Models of {provider.name}", "tab_list": tabs.of_models(request, provider)}
        return super().changelist_view(request, context)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """The list of one provider does not repeat its name."""
        columns = list(super().get_list_display(request))
        return [name for name in columns if name != "shown_provider" or _OF_PROVIDER not in request.GET]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A model that is added from the list of one provider is that provider's."""
        filters = QueryDict(request.GET.get("_changelist_filters", ""))
        of = {"provider": filters[_OF_PROVIDER]} if _OF_PROVIDER in filters else {}
        return {**of, **super().get_changeform_initial_data(request)}

    def get_changelist_form(self, request: HttpRequest, **options: Any) -> Any:
        """The row's form learns whether this user may change prices; it is made anew for each request."""
        form = super().get_changelist_form(request, **options)
        form.may_price = self.has_set_price_permission(request)
        return form

    def get_changelist_formset(self, request: HttpRequest, **options: Any) -> Any:
        """The rows of a page."""
        return super().get_changelist_formset(request, formset=ModelRows, **options)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """A row of the list has prices as well."""
        super().save_model(request, obj, form, change)
        if isinstance(form, ModelRowForm):
            form.save_prices()

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

    @display(description="Context window", ordering="context_window")
    def window(self, model: Model) -> str:
        """In tokens."""
        return formatting.count(model.context_window)

    @display(description="Max output", ordering="max_output")
    def longest_answer(self, model: Model) -> str:
        """In tokens."""
        return formatting.count(model.max_output)

    @display(description="Can")
    def can_do(self, model: Model) -> str:
        """Its capabilities."""
        return ", ".join(model.capabilities) or formatting.UNKNOWN

    @display(description="Input $", ordering="input_now")
    def price_in(self, model: Any) -> str:
        """Of a million tokens, at this moment."""
        return amounts.price(model.input_now)

    @display(description="Output $", ordering="output_now")
    def price_out(self, model: Any) -> str:
        """Of a million tokens, at this moment."""
        return amounts.price(model.output_now)

    @display(description="Prices change")
    def price_changes(self, model: Any) -> str:
        """When the prices of this moment end, or others begin."""
        moment = model.until or model.others_from
        return f"{moment:%Y-%m-%d %H:%M}" if moment else formatting.UNKNOWN


def _provider_of(query: QueryDict) -> Provider | None:
    """Returns the provider whose models the list is limited to."""
    number = query.get(_OF_PROVIDER, "")
    return Provider.objects.filter(pk=number).first() if number.isdecimal() and len(number) < 19 else None
