"""The admin page of routes, with the models that may answer for them in the order in which they are tried."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery, TextField
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from routing.admin import sentences
from routing.admin.forms import EachModelOnce, RouteForm
from routing.admin.steps import NextSteps, explain_step
from routing.models import Alias, Candidate, Route


class CandidateInline(TabularInline):
    """A route's candidates in order; drag a row to move it."""

    model = Candidate
    formset = EachModelOnce
    extra = 0
    fields = ["model", "weight", "enabled", "position"]
    autocomplete_fields = ["model"]
    ordering_field = "position"
    hide_ordering_field = True
    hide_title = True
    verbose_name_plural = "candidates: the models that answer, in this order"

    def get_extra(self, request: HttpRequest, obj: Route | None = None, **options: Any) -> int:
        """A new route begins with an empty row, and a duplicate with the candidates of the original."""
        if obj is not None:
            return 0
        return len(copied_candidates(request)) or 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[Candidate]:
        """Loads each model's provider, whose name is shown."""
        candidates: QuerySet[Candidate] = super().get_queryset(request)
        return candidates.select_related("model__provider")


def copied_candidates(request: HttpRequest) -> list[dict[str, Any]]:
    """Returns the candidates of the route that a new one begins with, as values of a form."""
    number = request.GET.get("copy", "")
    if not number.isdecimal() or len(number) > 18 or not request.user.has_perm("routing.view_candidate"):
        return []
    rows = Candidate.objects.filter(route=int(number)).order_by("position", "id")
    return [{**row} for row in rows.values("model", "weight", "enabled", "position")]


@admin.register(Route)
class RouteAdmin(NextSteps):
    """The names that clients put in `model`."""

    class Media:
        css = {"all": ("proxysite/routes.css",)}
        js = ("proxysite/order.js", "proxysite/choices.js")

    form = RouteForm
    list_display = ["name", "default", "enabled", "tried", "targeted_by", "display_name"]
    list_editable = ["enabled"]
    list_filter = ["enabled", "yields", "order"]
    not_copied = frozenset({"is_default"})
    search_fields = ["name", "display_name"]
    change_form_outer_after_template = "playground/of_route.html"
    inlines = [CandidateInline]
    readonly_fields = ["targeted_by"]
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        """Adds the candidates in order, and how many aliases, rules, scenarios and concepts lead to each route."""
        ordered = Candidate.objects.order_by("position", "id").select_related("model__provider")
        routes: QuerySet[Route] = super().get_queryset(request)
        aliases = Alias.objects.filter(target=OuterRef("name"), enabled=True).order_by().values("target")
        return routes.prefetch_related(Prefetch("candidates", ordered)).annotate(
            aliases=Subquery(aliases.annotate(count=Count("pk")).values("count")),
            **{f"{kind}_count": Count(kind, distinct=True) for kind, _ in _TARGETING},
        )

    def get_fieldsets(self, request: HttpRequest, obj: Route | None = None) -> Any:
        """The first stands above the candidates, the others below; an existing route shows what leads to it."""
        return [
            (None, {"fields": ["name"]}),
            ("Their order", {"fields": ["order", "sticky"]}),
            (
                "Who gets here",
                {"fields": [("enabled", "is_default"), "yields", *([] if obj is None else ["targeted_by"])]},
            ),
            ("When a candidate fails", {"fields": [("attempts", "retries"), "deadline", "continues", "hedges"]}),
            ("How it is shown", {"fields": ["answers_as", "display_name"]}),
            ("Notes", {"fields": ["notes"], "classes": ["collapse"]}),
        ]

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        """A duplicate is shown with candidates; what is sent is compared with an empty row."""
        options: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if request.method != "POST" and obj.pk is None and isinstance(inline, CandidateInline):
            options["initial"] = copied_candidates(request)
        return options

    def sentence(self, row: Any) -> str:
        """Returns who answers, and what else becomes of requests."""
        return sentences.of_route(row)

    def lacks_something(self, row: Any) -> bool:
        """Whether no candidate is there."""
        return not row.candidates.exists()

    def next_steps(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        """To candidates where there are none; else to where the route is tried and reached."""
        if not row.candidates.exists():
            may_add = request.user.has_perm("routing.add_candidate")
            url = reverse("admin:routing_route_change", args=[row.pk])
            return [("add a candidate", f"{url}#candidates-group")] if may_add else []
        steps = explain_step(request, row.name)
        if request.user.has_perm("access.use_playground"):
            steps.append(("try it", f"{reverse('console:playground')}?{urlencode({'model': row.name})}"))
        if request.user.has_perm("routing.add_rule"):
            steps.append(("make a rule that leads here", f"{reverse('admin:routing_rule_add')}?route={row.pk}"))
        return steps

    @display(description="Default", ordering="is_default", label={"default": "primary"}, empty_value="")
    def default(self, route: Route) -> str:
        """Marks the route that answers unknown names."""
        return "default" if route.is_default else ""

    @display(description="Answered by, in this order")
    def tried(self, route: Any) -> str:
        """Returns providers and models; those switched off are struck through."""
        return render_to_string("gateway/candidates.html", {"candidates": route.candidates.all()})

    @display(description="Reached by", empty_value="its name only")
    def targeted_by(self, route: Any) -> str | None:
        """Returns links to the aliases, rules, scenarios and concepts that lead here."""
        links = [
            (
                reverse(f"admin:routing_{page}_changelist"),
                f"route__id__exact={route.pk}",
                getattr(route, f"{kind}_count"),
            )
            for kind, page in _TARGETING
        ]
        found = [
            (f"{url}?{query}", _counted(count, kind))
            for (url, query, count), (kind, _) in zip(links, _TARGETING, strict=True)
            if count
        ]
        if route.aliases:
            url = reverse("admin:routing_alias_changelist")
            found.insert(0, (f"{url}?{urlencode({'q': route.name})}", _counted(route.aliases, "aliases")))
        return format_html_join(", ", '<a class="text-link" href="{}">{}</a>', found) or None


_TARGETING = (("rules", "rule"), ("scenarios", "scenarioroute"), ("concepts", "concept"))
"""The relation's name and the page's."""
_SINGULAR = {"aliases": "alias", "rules": "rule", "scenarios": "scenario", "concepts": "concept"}


def _counted(count: int, kind: str) -> str:
    return f"{count} {_SINGULAR[kind] if count == 1 else kind}"
