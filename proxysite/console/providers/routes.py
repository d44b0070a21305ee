"""Routes for models: a page that says what will become of each name, and makes it so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from access import audit
from providers.models import Model
from proxysite.quickstart.presets import CLAUDE
from routing.models import Candidate, Route

MOST: Final = 200
"""Models at a time: their ids are in the address."""
PERMISSIONS: Final = tuple(f"routing.{verb}_{row}" for row in ("route", "candidate") for verb in ("add", "change"))


class Planned(msgspec.Struct, frozen=True):
    """What will become of one route's name: `is_new`, else the model joins the route, first or last; None of the three
    where nothing changes. `why_not` says why a route is left alone."""

    name: str
    model: Model
    is_new: bool = False
    place: str = ""
    why_not: str = ""


class RoutesForm(forms.Form):
    """Which routes are made for the models."""

    own = forms.BooleanField(
        required=False,
        initial=True,
        label="A route of each model's own name",
        help_text="Clients then ask for the model by the name that its provider gives it.",
        widget=UnfoldBooleanWidget(),
    )
    claude = forms.ChoiceField(
        required=False,
        label="Claude's names lead to",
        help_text=f"{', '.join(CLAUDE)}: the names that Claude Code asks for. A route that only the demo answers gets "
        "the model first; any other gets it last, for when the rest fail.",
        widget=UnfoldAdminSelectWidget(),
    )
    default = forms.BooleanField(
        required=False,
        initial=True,
        label="Every other name leads there, too",
        help_text="The first of these becomes the default route. Today there is none, or the demo alone answers it.",
        widget=UnfoldBooleanWidget(),
    )

    def __init__(self, models: Sequence[Model], *args: Any) -> None:
        super().__init__(*args)
        choices = [("", "none of these models"), *((str(model.pk), model.name) for model in models)]
        self.fields["claude"].choices = choices  # type: ignore[attr-defined]
        self.fields["claude"].initial = "" if _are_answered() else choices[1][0]
        if not may_become_default():
            del self.fields["default"]

    def planned(self, models: Sequence[Model]) -> list[Planned]:
        """Returns what the answers mean; those of the first showing where nothing was sent."""
        given = self.cleaned_data if self.is_bound else {name: field.initial for name, field in self.fields.items()}
        chosen = next((model for model in models if str(model.pk) == given["claude"]), None)
        pairs = [(model.name, model) for model in models] if given["own"] else []
        pairs += [(name, chosen) for name in CLAUDE] if chosen is not None else []
        return plan(pairs)


def plan(pairs: Iterable[tuple[str, Model]]) -> list[Planned]:
    """Returns what will become of each route's name that is to lead to a model: of several models of one name, the
    later ones are tried after the first."""
    pairs = list(dict.fromkeys(pairs))
    routes = {
        route.name: route
        for route in Route.objects.filter(name__in=[name for name, _ in pairs]).prefetch_related(
            "candidates__model__provider"
        )
    }
    found: list[Planned] = []
    begun: set[str] = set()
    for name, model in pairs:
        each = _of(name, model, routes.get(name))
        if not each.why_not and name in begun:
            each = Planned(name, model, place="last")
        elif not each.why_not:
            begun.add(name)
        found.append(each)
    return found


def _of(name: str, model: Model, route: Route | None) -> Planned:
    if any(character.isspace() for character in name):
        return Planned(name, model, why_not="A route's name has no spaces.")
    if route is None:
        return Planned(name, model, is_new=True)
    candidates = list(route.candidates.all())
    if any(candidate.model_id == model.pk for candidate in candidates):
        return Planned(name, model, why_not="The model is a candidate already.")
    only_demo = all(candidate.model.provider.is_demo for candidate in candidates)
    return Planned(name, model, place="first" if only_demo else "last")


def make(planned: Iterable[Planned], *, default: bool) -> list[Route]:
    """Makes the routes and candidates; returns the routes that are new or have a new candidate. The caller holds the
    audit's lock."""
    changed: dict[int, Route] = {}
    for each in planned:
        if each.why_not:
            continue
        route, _ = Route.objects.get_or_create(name=each.name, defaults={"yields": each.name in CLAUDE})
        position = 0
        if each.place == "first":
            route.candidates.update(position=F("position") + 1)
        elif each.place == "last":
            position = (route.candidates.aggregate(last=Max("position"))["last"] or 0) + 1
        Candidate.objects.get_or_create(route=route, model=each.model, defaults={"position": position})
        changed.setdefault(route.pk, route)
    routes = list(changed.values())
    if default and routes and may_become_default():
        Route.objects.filter(is_default=True).update(is_default=False)
        # Claude's middle model, where it is among them, as at a first start.
        first = next((route for route in routes if route.name == CLAUDE[1]), routes[0])
        Route.objects.filter(pk=first.pk).update(is_default=True)
    return routes


def may_become_default() -> bool:
    """Whether the default route is missing, or only the demo answers there."""
    return not _real_candidates().filter(route__is_default=True, route__enabled=True).exists()


def _are_answered() -> bool:
    return _real_candidates().filter(route__name__in=CLAUDE).exists()


def _real_candidates() -> QuerySet[Candidate]:
    return Candidate.objects.filter(enabled=True, model__provider__is_demo=False)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(PERMISSIONS, raise_exception=True)
def page(request: HttpRequest) -> HttpResponse:
    """Shows what will be made for the models in the address (`?model=1&model=2`); a POST makes it."""
    numbers = [int(text) for text in request.GET.getlist("model") if text.isdecimal() and len(text) < 19][:MOST]
    models = list(Model.objects.filter(pk__in=numbers).select_related("provider").order_by("pk"))
    if not models:
        messages.warning(request, "Tick the models to make routes for, and choose the action “Make routes”.")
        return HttpResponseRedirect(reverse("admin:providers_model_changelist"))
    form = RoutesForm(models, request.POST) if request.method == "POST" else RoutesForm(models)
    if form.is_bound and form.is_valid() and "look" not in request.POST:
        with transaction.atomic():
            audit.lock()
            routes = make(form.planned(models), default=form.cleaned_data.get("default", False))
        _report(request, routes)
        return HttpResponseRedirect(reverse("admin:routing_route_changelist"))
    context = {
        **admin.site.each_context(request),
        "title": "Make routes",
        "models": models,
        "form": form,
        "planned": form.planned(models) if not form.is_bound or form.is_valid() else [],
    }
    return TemplateResponse(request, "console/make_routes.html", context)


def _report(request: HttpRequest, routes: Sequence[Route]) -> None:
    if not routes:
        messages.info(request, "Nothing was changed: the routes have these models already.")
        return
    links = format_html_join(
        ", ",
        '<a class="text-link" href="{}">{}</a>',
        ((reverse("admin:routing_route_change", args=[route.pk]), route.name) for route in routes[:5]),
    )
    more = f" and {len(routes) - 5} more" if len(routes) > 5 else ""
    messages.success(request, format_html("These routes now lead to your models: {}{}.", links, more))
    if request.user.has_perms(["usage.view_requestlog", "access.add_clientkey"]):
        url = reverse("console:guide")
        text = 'Next, <a class="text-link" href="{}">make a key and send a first request</a>.'
        messages.info(request, format_html(text, url))
