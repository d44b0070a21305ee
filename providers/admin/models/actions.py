"""What the list of models does with many at once, also with all that a filter or a search finds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from providers.admin.forms import DollarsFormField, PriceForm
from providers.models import Model
from providers.pricing.changes import change_prices
from providers.pricing.prices import TOKEN_KINDS, USE_KINDS, Price
from proxysite.console.providers import routes


def _kinds() -> dict[str, forms.Field]:
    return {kind: _kind(kind) for kind in (*TOKEN_KINDS, *USE_KINDS)}


def _kind(name: str) -> DollarsFormField:
    stored: Any = Price._meta.get_field(name)
    return DollarsFormField(
        required=False,
        label=PriceForm.Meta.labels.get(name, name.replace("_", " ").capitalize()),
        # What an empty price means is not said: here it stays as it is.
        help_text=f"{str(stored.help_text).partition(';')[0].rstrip('.')}.",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class AmountsForm(forms.Form):
    """Prices for several models. A kind that is left empty stays as it is for each of them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields |= _kinds()

    def clean(self) -> dict[str, Any]:
        """Requires one amount at least."""
        data: dict[str, Any] = super().clean() or {}
        if not self.errors and all(amount is None for amount in data.values()):
            raise forms.ValidationError("Enter a price: the kinds that you leave empty stay as they are.")
        return data

    def amounts(self) -> dict[str, Any]:
        """Returns the amounts that were entered."""
        return {kind: amount for kind, amount in self.cleaned_data.items() if amount is not None}


class ManyModels:
    """The actions of the list, mixed into its ModelAdmin."""

    actions = ("enable_selected", "disable_selected", "set_price", "make_routes", "delete_selected")

    def has_set_price_permission(self, request: HttpRequest) -> bool:
        """Whether this user may end prices and begin others."""
        return request.user.has_perms(["providers.add_price", "providers.change_price"])

    @admin.action(description="Enable", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Enables the selected models."""
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Disables the selected models."""
        self._switch(request, queryset, enabled=False)

    @staticmethod
    def _switch(request: HttpRequest, queryset: QuerySet[Model], *, enabled: bool) -> None:
        differ = Model.objects.filter(pk__in=_ids(queryset), enabled=not enabled)
        count = differ.update(enabled=enabled)
        messages.success(request, f"{'Enabled' if enabled else 'Disabled'}: {_models(count)}.")

    @admin.action(description="Set prices", permissions=["set_price"])
    def set_price(self, request: HttpRequest, queryset: QuerySet[Model]) -> HttpResponse | None:
        """Asks for the prices, and lets them hold for the selected models from now on."""
        is_sent = "apply" in request.POST
        form = AmountsForm(request.POST) if is_sent else AmountsForm()
        if is_sent and form.is_valid():
            changed = change_prices(_ids(queryset), form.amounts())
            messages.success(request, f"Prices changed, from now on: {_models(changed)}.")
            return None
        return self._page(request, queryset, "set_price", form=form, title="Set prices")

    def has_make_routes_permission(self, request: HttpRequest) -> bool:
        """Whether this user may make routes and change who answers there."""
        return request.user.has_perms(routes.PERMISSIONS)

    @admin.action(description="Make routes", permissions=["make_routes"])
    def make_routes(self, request: HttpRequest, queryset: QuerySet[Model]) -> HttpResponse | None:
        """To the page that says what will be made."""
        numbers = _ids(queryset)
        if len(numbers) > routes.MOST:
            messages.warning(request, f"Choose at most {routes.MOST} models at a time to make routes for.")
            return None
        return HttpResponseRedirect(f"{reverse('console:make-routes')}?{urlencode({'model': numbers}, True)}")

    @admin.action(description="Delete", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Model]) -> HttpResponse | None:
        """Asks, and deletes; the page names the first of them and holds no field for each."""
        page: Any = delete_selected(self, request, queryset)  # type: ignore[arg-type]
        if page is not None:
            page.context_data |= _selection(request, queryset)
        return page  # type: ignore[no-any-return]

    def _page(self, request: HttpRequest, queryset: QuerySet[Model], name: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/providers/model/{name}.html",
            {
                **admin.site.each_context(request),
                "opts": Model._meta,
                **_selection(request, queryset),
                **context,
            },
        )


def _ids(queryset: QuerySet[Model]) -> list[int]:
    return list(queryset.order_by().values_list("pk", flat=True))


def _selection(request: HttpRequest, queryset: QuerySet[Model]) -> dict[str, Any]:
    """What a page of questions about the selected rows shows of them, and sends back: with all that a filter finds,
    the filter is in the address."""
    return {
        "count": queryset.count(),
        "first": list(queryset[:20]),
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "across": request.POST.get("select_across") == "1",
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
    }


def _models(count: int) -> str:
    return "one model" if count == 1 else f"{count} models"
