"""The prices of all models: those in force, where they are from, how old they are, and which come next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from providers.models import Model
from providers.pricing.prices import Price, kind_in_words
from usage.reports import amounts, formatting

PER_PAGE = 50
PERMISSIONS = ["providers.view_price", "providers.view_model"]
WRITE = ["providers.add_price", "providers.change_price"]
WITHOUT = "none"
UNKNOWN_SOURCE = "unknown"


class Choice(msgspec.Struct, frozen=True):
    """A way to limit a list, with the number of its lines."""

    name: str
    label: str
    count: int
    url: str
    chosen: bool


class Line(msgspec.Struct, frozen=True):
    """A model with the prices in force and those that begin next."""

    model: Model
    price: Price | None
    next: Price | None
    moment: datetime

    @property
    def input(self) -> str:
        """The price of a million tokens of input."""
        return amounts.price(None if self.price is None else self.price.input)

    @property
    def output(self) -> str:
        """The price of a million tokens of output."""
        return amounts.price(None if self.price is None else self.price.output)

    @property
    def source(self) -> str:
        """Where the prices in force are from, in words."""
        if self.price is None:
            return ""
        return self.price.get_source_display() or "not known"

    @property
    def since(self) -> datetime | None:
        """When the prices in force were set; of those of earlier versions when they began."""
        return None if self.price is None else self.price.set_at or self.price.valid_from

    @property
    def age(self) -> str:
        """How long ago that was."""
        since = self.since
        return formatting.UNKNOWN if since is None else formatting.ago((self.moment - since).total_seconds())

    @property
    def is_off(self) -> bool:
        """Whether nobody can call the model."""
        return not (self.model.enabled and self.model.provider.enabled)

    @property
    def others(self) -> str:
        """The prices of caches and uses, in words."""
        return "" if self.price is None else in_words(self.price, ("input", "output"))

    @property
    def coming(self) -> str:
        """What begins next, in words: other amounts, or that nothing has a price any more."""
        if self.next is not None:
            return in_words(self.next)
        return "no price" if self.price is not None and self.price.valid_until else ""

    @property
    def comes_at(self) -> datetime | None:
        """When that begins."""
        if self.next is not None:
            return self.next.valid_from
        return None if self.price is None else self.price.valid_until


@require_safe
@permission_required(PERMISSIONS, raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The models that match, those without a price first."""
    moment = timezone.now()
    search, show = request.GET.get("q", "").strip()[:200], request.GET.get("show", "")
    found = _found(moment, search)
    choices = list(_choices(request, found, show))
    if not any(choice.chosen for choice in choices):
        show = ""
    models = Paginator(_limited(found, show), PER_PAGE)
    shown = models.get_page(request.GET.get("page"))
    context = {
        **admin.site.each_context(request),
        "title": "Prices",
        "search": search,
        "show": show,
        "choices": choices,
        "page": shown,
        "lines": _lines(list(shown.object_list), moment),
        "links": page_links(request, shown),
        "may_change": request.user.has_perms(WRITE),
    }
    return TemplateResponse(request, "console/prices/list.html", context)


def page_links(request: HttpRequest, shown: Page[Any]) -> dict[str, str]:
    """Returns the queries of the pages before and after, where there are any."""
    links = {}
    if shown.has_previous():
        links["previous"] = query(request, page=shown.previous_page_number())
    if shown.has_next():
        links["next"] = query(request, page=shown.next_page_number())
    return links


def query(request: HttpRequest, **changes: Any) -> str:
    """Returns the page's query with some parameters changed; empty ones are left out."""
    data = request.GET.copy()
    for name, value in changes.items():
        data[name] = str(value)
    for name in [name for name, value in data.items() if not value]:
        del data[name]
    return f"?{data.urlencode()}"


def in_words(price: Price, without: Iterable[str] = ()) -> str:
    """Returns the known amounts of prices: `input $3.00 · output $15.00`."""
    return " · ".join(
        f"{kind_in_words(kind)} {formatting.exact_dollars(amount)}"
        for kind, amount in price.amounts().items()
        if amount is not None and kind not in without
    )


def _found(moment: datetime, search: str) -> QuerySet[Any]:
    """The models whose own or provider's name has every word, with the price in force."""
    in_force = Price.objects.in_force(moment).filter(model=OuterRef("pk")).order_by()
    models: QuerySet[Any] = Model.objects.select_related("provider").annotate(
        price_now=Subquery(in_force.values("pk")[:1]), source_now=Subquery(in_force.values("source")[:1])
    )
    for word in search.split():
        models = models.filter(Q(name__icontains=word) | Q(provider__name__icontains=word))
    return models


def _limited(models: QuerySet[Any], show: str) -> QuerySet[Any]:
    if show == WITHOUT:
        models = models.filter(price_now=None)
    elif show:
        models = models.filter(price_now__isnull=False, source_now="" if show == UNKNOWN_SOURCE else show)
    ordered: QuerySet[Any] = models.annotate(is_priced=Q(price_now__isnull=False))
    return ordered.order_by("is_priced", "provider__name", "name")


def _choices(request: HttpRequest, models: QuerySet[Any], show: str) -> Iterable[Choice]:
    counted = models.order_by().values_list("source_now").annotate(number=Count("pk"))
    numbers = {WITHOUT if source is None else source or UNKNOWN_SOURCE: number for source, number in counted}
    labels = {"": "All", WITHOUT: "Without a price", **dict(Price.Source.choices), UNKNOWN_SOURCE: "source not known"}
    numbers[""] = sum(numbers.values())
    for name, label in labels.items():
        if name in numbers or name == WITHOUT:
            url = query(request, show=name, page="")
            yield Choice(name, label, numbers.get(name, 0), url, name == show)


def _lines(models: list[Any], moment: datetime) -> list[Line]:
    prices = Price.objects.in_bulk([model.price_now for model in models if model.price_now is not None])
    later = Price.objects.filter(model__in=[model.pk for model in models], valid_from__gt=moment)
    following = {price.model_id: price for price in later.order_by("-valid_from")}
    return [Line(model, prices.get(model.price_now), following.get(model.pk), moment) for model in models]
