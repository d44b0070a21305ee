"""Every page of the site with its objects, from the URLconf, and everybody who might open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from access import key_actions
from access.models import (
    Alert,
    Budget,
    ClientKey,
    IncreaseRequest,
    Invitation,
    Membership,
    OutboxMessage,
    RateLimit,
    ReportToken,
    Team,
    Webhook,
)
from access.roles.table import Role
from providers.models import Credential, Model, Provider
from proxysite.state.models import Job
from proxysite.state.reporter import Reporter
from routing.models import Alias, Candidate, Concept, Route, Rule, ScenarioRoute
from streaming.runtime import Runtime
from tests.admin.history import attempt_row, request_row
from tests.admin.secrets.carrying import _named
from tests.permissions.made import closed_statement, fetched_lists, prepared_file, set_by_a_lead, unconfirmed_import
from tests.permissions.people import a_key, person, signed_in
from usage.budgets.opening import open_windows
from usage.invoices import drafts, results
from usage.invoices.columns import guess
from usage.invoices.models import Reconciliation
from usage.invoices.sheet import sheet
from usage.live.models import LiveSample
from usage.live.streams import Sample, Stream, encode
from usage.models import RequestLog, SetAside
from usage.reports.explore.models import SavedView
from usage.rollups.models import SessionSummary
from usage.statements.models import Statement

PEOPLE = "oarlmsn"
"""Owner, administrator, auditor, lead and member of the team Search, staff without any right, nobody."""
WITHOUT_PAGE = {None}
RUNNING = UUID(int=7)
"""A request that still runs, as a worker tells."""
"""Names of patterns that only lead on or answer 404."""
QUERIES: dict[str, Callable[[], str]] = {
    "admin:autocomplete": lambda: "?term=&app_label=routing&model_name=candidate&field_name=model",
    "console:make-routes": lambda: f"?model={Model.objects.earliest('pk').pk}",
}


class Page(NamedTuple):
    """A page by its name in the URLconf; `which` says whose object it is about."""

    name: str
    which: str
    url: str

    def __str__(self) -> str:
        return f"{self.name} {self.which}".strip()


def make_rows() -> None:
    """Makes a row of everything: of the teams Search and Support a member with a key, a service key, an invitation."""
    for team in ("Search", "Support"):
        colleague = person(Role.MEMBER, team=team, name=f"colleague in {team}")
        for owner in (colleague, None):
            used(a_key(team, owner))
        for key in ClientKey.objects.filter(team__name=team):
            asked_for(key, key.owner or colleague)
        service = ClientKey.objects.get(team__name=team, owner=None)
        soon = timezone.now() + timedelta(days=1)
        Invitation.objects.create(team=service.team, hash=team.ljust(64, "0"), expires_at=soon)
        RateLimit.objects.create(team=service.team, measure="requests", most=60)
        Budget.objects.create(team=service.team, amount=60)
        set_by_a_lead(service.team)
    open_windows()
    Group.objects.create(name="nobody")
    provider = Provider.objects.create(
        name="mine", dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_local=True
    )
    Credential.objects.create(provider=provider, name="named", source="environment", variable="MARKED_API_KEY")
    model = Model.objects.create(provider=provider, name="m")
    route = Route.objects.create(name="r", is_default=True)
    Candidate.objects.create(route=route, model=model)
    Alias.objects.create(pattern="a", target="r")
    Rule.objects.create(name="rule", route=route)
    ScenarioRoute.objects.create(scenario="think", route=route)
    Concept.objects.create(name="sql", route=route)
    Webhook.objects.create(name="pager", url="http://127.0.0.1:9/alerts", is_local=True)
    ReportToken.objects.create(name="dashboard", prefix="rpt-abcd", hash="0" * 64)
    alert = Alert.objects.create(once="journal:host", kind="journal", subject="Rows wait", text="Rows wait.")
    OutboxMessage.objects.create(
        alert=alert, once="1", channel="mail", subject="Rows wait", text="Rows wait.",
        failed_at=timezone.now(),
    )  # fmt: skip
    SetAside.objects.create(request_id="req_1", cause="why", payload={})
    Reporter(Runtime()).write()
    Job.objects.create(kind=Job.Kind.CHECK, options={"first": "", "last": ""})
    prepared_file()
    fetched_lists()
    unconfirmed_import()
    search = Team.objects.get(name="Search")
    SavedView.objects.create(name="Cost", query="?range=30d", owner=person(None), team=search)
    for name in ("Search", "Support"):
        closed_statement(Team.objects.get(name=name))
    invoice = b"date,cost\n2026-10-31,5\n"
    draft = drafts.put(0, (provider.pk, provider.name), "october.csv", invoice)
    results.make(draft, guess(sheet(draft.text)), 0)
    running = Stream(id=str(RUNNING), key="service", route="r", model="m", provider="mine", number=1, streamed=True)
    written_at = timezone.now() + timedelta(hours=1)
    LiveSample.objects.create(worker="one", at=written_at, streams=encode(Sample([running])))


def used(key: ClientKey) -> None:
    """Makes a request with a key."""
    row = request_row(
        team_id=key.team_id, key_id=key.pk, owner_id=key.owner_id, provider_name="mine", session_id=f"of {key.name}"
    )
    attempt_row(row, provider_name="mine")


def asked_for(key: ClientKey, user: User) -> None:
    """Makes a budget of a key, and a request for more of it."""
    budget = Budget.objects.create(key=key, amount=5)
    IncreaseRequest.objects.create(budget=budget, user=user, team=key.team, amount=5)


def everybody() -> dict[str, User | None]:
    """Makes one person of each letter."""
    found: dict[str, User | None] = {role.value[0]: person(role) for role in Role if role is not Role.AUDITOR}
    stranger = person(None)
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    found["r"], found["s"], found["n"] = person(Role.AUDITOR), stranger, None
    for letter in "lm":
        key = a_key("Search", found[letter])
        used(key)
        asked_for(key, key.owner)  # type: ignore[arg-type]
    return {letter: found[letter] for letter in PEOPLE}


def pages(reader: User | None) -> Iterator[Page]:
    """Yields every page that has a name, once for each kind of object that it may be about."""
    seen = set()
    for namespaces, name, parameters in _named(get_resolver()):
        whole = ":".join([*namespaces, str(name)])
        if name in WITHOUT_PAGE or whole in seen:
            continue
        seen.add(whole)
        for which, values in _objects(whole, parameters, reader):
            yield Page(whole, which, reverse(whole, kwargs=values) + QUERIES.get(whole, str)())


def _objects(name: str, parameters: set[str], reader: User | None) -> Iterator[tuple[str, dict[str, Any]]]:
    if not parameters:
        yield "", {}
    elif name.startswith(("my:", "people:")):
        yield from _of_teams(frozenset(parameters), reader)
    else:
        yield "", {parameter: _site_object(name, parameter) for parameter in parameters}


_OF_A_TEAM: dict[str, tuple[Any, str]] = {
    "membership_id": (Membership, "team"),
    "invitation_id": (Invitation, "team"),
    "number": (Statement, "team_id"),
}
"""Parameter -> the model that it is a key of, and its field with the team."""


def _of_teams(parameters: frozenset[str], reader: User | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields objects by whose they are: the reader's own, a colleague's in the team Search, a service key's of Search,
    another team's."""
    search, support = Team.objects.get(name="Search"), Team.objects.get(name="Support")
    if parameters == {"token"}:
        yield "", {"token": "a-token-of-nothing"}
    elif parameters == {"team_id"}:
        yield from (("Search", {"team_id": search.pk}), ("another", {"team_id": support.pk}))
    elif len(parameters) == 2 and parameters - {"team_id"} <= _OF_A_TEAM.keys():
        (parameter,) = parameters - {"team_id"}
        kind, field = _OF_A_TEAM[parameter]
        yield from _inside(kind, parameter, team=field)
    elif parameters in ({"team_id", "budget_id"}, {"team_id", "limit_id"}):
        (parameter,) = parameters - {"team_id"}
        kind = Budget if parameter == "budget_id" else RateLimit
        yield from _inside(kind, parameter, team="members_of")
        yield "of Search itself", {"team_id": search.pk, parameter: kind.objects.get(team=search).pk}
    elif parameters == {"key_id"}:
        yield from ((which, {"key_id": 0 if key is None else key.pk}) for which, key in _keys(reader).items())
    elif parameters == {"key_id", "action"}:
        for action in key_actions.Action:
            for which, key in _keys(reader).items():
                yield f"{action.value} {which}", {"key_id": 0 if key is None else key.pk, "action": action.value}
    elif len(parameters) == 1 and parameters <= {"budget_id", "increase_id", "row_id"}:
        (parameter,) = parameters
        yield from _of_keys(parameter, reader)
    else:
        raise NotImplementedError(f"say here what {parameters} are, of whose")


def _inside(kind: Any, parameter: str, team: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields a row of the team Search, one of another team, and that one as if it were of Search."""
    search, support = Team.objects.get(name="Search"), Team.objects.get(name="Support")
    inside, outside = (kind.objects.filter(**{team: one.pk}).earliest("pk").pk for one in (search, support))
    yield "Search", {"team_id": search.pk, parameter: inside}
    yield "another", {"team_id": support.pk, parameter: outside}
    yield "of another in Search", {"team_id": search.pk, parameter: outside}


def _of_keys(parameter: str, reader: User | None) -> Iterator[tuple[str, dict[str, Any]]]:
    kind, of_key, nothing = {
        "budget_id": (Budget, "key", 0),
        "increase_id": (IncreaseRequest, "budget__key", 0),
        "row_id": (RequestLog, "key_id", UUID(int=0)),
    }[parameter]
    for which, key in _keys(reader).items():
        row = None if key is None else kind._default_manager.filter(**{of_key: key.pk}).first()
        yield which, {parameter: nothing if row is None else row.pk}


def _keys(reader: User | None) -> dict[str, ClientKey | None]:
    keys = ClientKey.objects.all()
    return {
        "own": None if reader is None else keys.filter(owner=reader).first(),
        "colleague": keys.get(owner__username="colleague in Search"),
        "service": keys.get(team__name="Search", owner=None),
        "another": keys.get(team__name="Support", owner=None),
    }


_CONSOLE_OBJECTS: dict[str, Callable[[], Any]] = {
    "format": lambda: "csv",
    "view_id": lambda: SavedView.objects.get().pk,
    "number": lambda: Statement.objects.earliest("pk").pk,
    "reconciliation_id": lambda: Reconciliation.objects.earliest("pk").pk,
    "export_id": lambda: Job.objects.get(kind=Job.Kind.EXPORT).pk,
    "import_id": lambda: Job.objects.filter(kind=Job.Kind.IMPORT).earliest("pk").pk,
    "job_id": lambda: Job.objects.earliest("pk").pk,
    "kind": lambda: Job.Kind.CHECK.value,
    "session_id": lambda: SessionSummary.objects.order_by("pk")[0].pk,
    "app_label": lambda: "providers",
    "request_log_id": lambda: RUNNING,
}


def _site_object(name: str, parameter: str) -> Any:
    if parameter == "provider_id" or name == "admin:view_on_site":
        if parameter == "content_type_id":
            return ContentType.objects.get_for_model(Provider).pk
        return Provider.objects.get().pk
    if name.startswith("console:report-of"):
        return "tags"
    if parameter in _CONSOLE_OBJECTS:
        return _CONSOLE_OBJECTS[parameter]()
    if parameter in ("object_id", "id"):
        for model in admin.site._registry:
            if name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_"):
                return model._default_manager.order_by("pk").first().pk  # type: ignore[union-attr]
    raise NotImplementedError(f"say here what {parameter} of {name} is")


def is_in(response: Any) -> bool:
    """Returns whether somebody got in: neither refused, nor sent away to sign in, nor told that there is nothing."""
    assert response.status_code < 500, response
    if response.status_code in (401, 403, 404, 405):
        return False
    return not (response.status_code == 302 and "/login/" in response["Location"])


def browsers(people: dict[str, User | None]) -> dict[str, Client]:
    """Returns the browser of each."""
    return {letter: signed_in(user) for letter, user in people.items()}
