"""Views of the explorer: examples, and those that somebody saved."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from access.models import Team
from access.permissions import may
from access.roles.scope import visible
from proxysite.console import ranges
from proxysite.console.explorer import state
from usage.reports.explore.models import SavedView

EXAMPLES: Final = (
    ("Cost by team, by month", "?range=month&metric=cost&group=team&bucket=month"),
    ("Cost by key, this month", "?range=month&metric=cost&group=key"),
    ("Models", "?range=30d&metric=requests&group=provider&subgroup=model&rank=cost"),
    ("Who is refused", "?range=7d&metric=refused&group=team&subgroup=key"),
    ("First token by model", "?range=7d&metric=first_token_p95&group=model"),
    ("Tags", "?range=30d&metric=cost&group=tags&subgroup=team"),
    ("Provider credentials", "?range=30d&metric=cost&group=provider&subgroup=credential"),
    ("Client versions", "?range=30d&metric=requests&group=client&subgroup=version"),
)
MOST: Final = 100
"""Views that one person saves, and those of others that the menu shows."""


class Choice(msgspec.Struct, frozen=True):
    """A view in the menu; `problem` says why it is not answered any more, `change_url` is "" for who may not."""

    title: str
    url: str
    note: str = ""
    problem: str = ""
    change_url: str = ""
    is_shown: bool = False


class ViewForm(forms.ModelForm):  # type: ignore[type-arg]
    """The name of a view, and whom it is shared with."""

    class Meta:
        model = SavedView
        fields = ("name", "team")
        labels = {"team": "Share with"}
        widgets = {"name": UnfoldAdminTextInputWidget(), "team": forms.Select()}

    def __init__(self, *args: Any, person: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.queryset, team.empty_label = visible(person, Team.objects.order_by("name")), "Nobody"
        team.help_text = "Whoever may see the explorer and this team sees the view."

    def clean_name(self) -> str:
        """Refuses a name that its owner has already."""
        name: str = self.cleaned_data["name"]
        if SavedView.objects.filter(owner=self.instance.owner, name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(f"There is a view {name} already. Choose another name.")
        return name


def menu(request: HttpRequest, shown: str) -> dict[str, list[Choice]]:
    """Returns the choices of the menu; `shown` is the query of the view that the page shows."""
    views = seen_by(request.user).order_by("name", "pk")
    mine = Q(owner=request.user.pk)
    return {
        "mine": [_choice(view, request.user, shown) for view in views.filter(mine)[:MOST]],
        "shared": [_choice(view, request.user, shown) for view in views.exclude(mine)[:MOST]],
        "examples": [Choice(title, url, is_shown=_query(url) == shown) for title, url in EXAMPLES],
    }


def seen_by(person: Any) -> QuerySet[SavedView]:
    """Returns the views that a reader of the explorer sees: their own, and those of the teams that they see."""
    teams = visible(person, Team.objects.all())
    return SavedView.objects.filter(Q(owner=person) | Q(team__in=teams)).select_related("owner", "team")


def may_change(person: Any, view: SavedView) -> bool:
    """Returns whether somebody may rename, share and delete a view: its owner, and administrators."""
    if view.owner_id == person.pk and may(person, "usage.add_savedview"):
        return True
    return may(person, "usage.change_savedview") and may(person, "usage.delete_savedview")


@require_POST
@permission_required(("usage.view_requestlog", "usage.add_savedview"), raise_exception=True)
def save(request: HttpRequest) -> HttpResponse:
    """Saves the view whose query is sent."""
    person: Any = request.user
    try:
        query = state.read(QueryDict(request.POST.get("query", "").removeprefix("?"))).url()
    except (ranges.WrongRange, state.WrongQuestion) as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    form = ViewForm(request.POST, instance=SavedView(owner=person, query=query), person=person)
    if SavedView.objects.filter(owner=person).count() >= MOST:
        messages.error(request, f"You have {MOST} views. Delete one first.")
    elif form.is_valid():
        messages.success(request, f"Saved as {form.save().name}.")
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return HttpResponseRedirect(reverse("console:explorer") + query)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("usage.view_requestlog", raise_exception=True)
def change(request: HttpRequest, view_id: int) -> HttpResponse:
    """Renames, shares or deletes a view. Raises Http404 for one that the reader does not see."""
    view = seen_by(request.user).filter(pk=view_id).first()
    if view is None:
        raise Http404
    if not may_change(request.user, view):
        raise PermissionDenied
    if "delete" in request.POST:
        view.delete()
        messages.success(request, f"Deleted {view.name}.")
        return HttpResponseRedirect(reverse("console:explorer"))
    form = ViewForm(request.POST or None, instance=view, person=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, f"Saved {view.name}.")
        return HttpResponseRedirect(reverse("console:explorer") + view.query)
    context = {**admin.site.each_context(request), "title": "Saved view", "form": form, "view": view}
    return TemplateResponse(request, "console/explorer_view.html", context, status=400 if form.is_bound else 200)


def _choice(view: SavedView, person: Any, shown: str) -> Choice:
    if view.owner_id != person.pk:
        note = f"of {view.owner.get_username()}"
    else:
        note = f"shared with {view.team.name}" if view.team else ""
    change_url = reverse("console:explorer-view", args=[view.pk]) if may_change(person, view) else ""
    try:
        query, problem = _query(view.query), ""
    except (ranges.WrongRange, state.WrongQuestion) as error:
        query, problem = "", str(error)
    return Choice(view.name, view.query, note, problem, change_url, bool(query) and query == shown)


def _query(text: str) -> str:
    """Returns the query of a view as the explorer writes it today. Raises WrongQuestion and WrongRange."""
    return state.read(QueryDict(text.removeprefix("?"))).url()
