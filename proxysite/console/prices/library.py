"""How the prices here differ from the price library's: chosen differences are applied."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import version

import msgspec
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from providers.models import Model
from providers.pricing.differences import Change, Comparison, apply, compare
from providers.pricing.prices import Price, kind_in_words
from proxysite.console.prices.page import PERMISSIONS, WRITE, Choice, page_links, query
from usage.reports.formatting import exact_dollars

PER_PAGE = 100


class Line(msgspec.Struct, frozen=True):
    """A model, what would change (kind, own amount, listed amount), and what there is to say about it.

    `key` is that of a difference that can be applied; `is_ticked` whether it is chosen at first.
    """

    model: Model
    key: str = ""
    kinds: tuple[tuple[str, str, str], ...] = ()
    source: str = ""
    note: str = ""
    is_ticked: bool = False


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(PERMISSIONS, raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """The differences; a POST applies those that were chosen."""
    if request.method == "POST":
        return _apply(request)
    groups = _groups(compare(Model.objects.all(), timezone.now()))
    show = request.GET.get("show", "")
    if show not in groups:
        show = next((name for name, (_, lines) in groups.items() if lines), "changed")
    lines = groups[show][1]
    shown = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **admin.site.each_context(request),
        "title": "Price library",
        "version": version("genai-prices"),
        "choices": [
            Choice(name, label, len(of), query(request, show=name, page=""), name == show)
            for name, (label, of) in groups.items()
        ],
        "show": show,
        "explanation": _EXPLANATIONS[show],
        "page": shown,
        "lines": list(shown.object_list),
        "links": page_links(request, shown),
        "applicable": len(lines) if show in ("changed", "new") else 0,
        "digest": _digest(lines),
        "may_apply": request.user.has_perms(WRITE),
    }
    return TemplateResponse(request, "console/prices/library.html", context)


_EXPLANATIONS = {
    "changed": "The library has other amounts than those in force here. Prices that somebody typed are not ticked: "
    "they may be negotiated.",
    "new": "The library has a price for these models, and they have none in force here.",
    "gone": "These prices came from the library, which does not have the models any more. They stay in force until "
    "you change them.",
    "complex": "The library's price is not one figure, so it is not applied. Enter one yourself if it is enough.",
    "missing": "The library does not have these models. Their prices are typed by hand, or unknown.",
}


def _groups(found: Comparison) -> dict[str, tuple[str, list[Line]]]:
    changed = [_line(change) for change in found.changes if change.price is not None]
    new = [_line(change) for change in found.changes if change.price is None]
    return {
        "changed": ("Would change", changed),
        "new": ("New", new),
        "gone": ("Gone", [Line(model) for model in found.gone]),
        "complex": ("Not one figure", [Line(model, note=why) for model, why in found.not_applied]),
        "missing": ("Not in the library", [Line(model) for model in found.unknown]),
    }


def _line(change: Change) -> Line:
    kinds = tuple(
        (kind_in_words(kind), exact_dollars(here), exact_dollars(listed))
        for kind, (here, listed) in change.kinds.items()
    )
    price = change.price
    source = "" if price is None else price.get_source_display() or "not known"
    is_ticked = price is None or price.source in (Price.Source.LIBRARY, Price.Source.PRESET)
    return Line(change.model, change.key, kinds, source, is_ticked=is_ticked)


def _apply(request: HttpRequest) -> HttpResponse:
    """Applies the ticked differences, or all of one group as it was shown."""
    if not request.user.has_perms(WRITE):
        raise PermissionDenied
    back = HttpResponseRedirect(reverse("console:prices-library") + query(request))
    if "all" in request.POST:
        groups = _groups(compare(Model.objects.all(), timezone.now()))
        lines = groups.get(request.POST["all"], ("", []))[1]
        if _digest(lines) != request.POST.get("digest"):
            messages.warning(request, "The differences are others by now, so nothing was applied. Look at them again.")
            return back
        keys = {line.key for line in lines}
    else:
        keys = set(request.POST.getlist("key"))
    if not keys:
        messages.warning(request, "Tick the models whose prices are to change.")
        return back
    applied = len(apply(Model.objects.all(), keys).changes)
    if applied:
        models = "one model" if applied == 1 else f"{applied:,} models"
        messages.success(request, f"The library's prices hold for {models} from now on. Those before them ended.")
    if applied < len(keys):
        left = len(keys) - applied
        what = "One difference is another" if left == 1 else f"{left:,} differences are others"
        messages.warning(request, f"{what} by now: look again before you apply them.")
    return back


def _digest(lines: Iterable[Line]) -> str:
    """Names the differences of a group, so that no others are applied than those that were shown."""
    return hashlib.sha256(" ".join(line.key for line in lines).encode()).hexdigest()
