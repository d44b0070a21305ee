"""Client keys at /my/: the list, a new one, its secret once, its page, and what may be done with it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import key_actions
from access.connect import base_url, setups
from access.key_actions import Action, KeyRefused
from access.key_format import PLACEHOLDER
from access.key_records import is_being_rotated, state_of
from access.models import ClientKey
from access.roles.scope import visible
from proxysite.console.guide import newest as waiting
from proxysite.my import limits, scope, shown_once, usage
from proxysite.my.budgets import shown
from proxysite.my.key_forms import TAKEN, KeyForm, RotateForm
from proxysite.my.site import page as render
from proxysite.my.site import private
from proxysite.state import refused_keys
from proxysite.templatetags.figures import route_to_show, usable_routes
from usage.budgets import standing
from usage.last_use import with_last_use
from usage.models import RequestLog
from usage.reports import query

_DONE = {
    Action.DISABLE: "{key} is disabled. Requests with it are rejected within a second.",
    Action.ENABLE: "{key} is enabled and works within a second.",
    Action.REVOKE: "{key} is revoked. Its usage stays in all reports.",
    Action.DELETE: "{key} is deleted. Its usage stays in all reports.",
}
_WORDS = {
    Action.ROTATE: ("Rotate", "The key gets a new secret, which is shown once. It stays the same key in all reports."),
    Action.DISABLE: ("Disable", "Requests with this key are rejected within a second, until somebody enables it."),
    Action.ENABLE: ("Enable", "The key works again within a second."),
    Action.REVOKE: ("Revoke", "Requests with this key are rejected within a second. This cannot be undone."),
    Action.DELETE: ("Delete", "The key leaves all lists and its name is free again. Its usage stays in all reports."),
}
"""Action -> the label of its button, and what it does."""


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    """Shows the person's own keys."""
    person = scope.person_of(request)
    may_add = bool(scope.teams_for_keys(person, scope.memberships(person)))
    keys = described(with_last_use(scope.own_keys(person)))
    return render(request, "my/keys.html", "My keys", keys=keys, may_add=may_add)


def described(keys: QuerySet[Any]) -> list[dict[str, Any]]:
    """Returns keys with their states and what was refused of them, for a table."""
    rows = list(keys)
    refused = refused_keys.by_key({key.pk for key in rows})
    return [{"row": key, "state": state_of(key), "refused": refused.get(key.pk)} for key in rows]


@require_http_methods(["GET", "HEAD", "POST"])
def add_page(request: HttpRequest) -> HttpResponse:
    """Makes a key of the person's own."""
    person = scope.person_of(request)
    teams = scope.teams_for_keys(person, scope.memberships(person))
    if not teams:
        raise Http404
    form = KeyForm(request.POST or None, teams=teams, owner=person)
    return made(request, form) or render(request, "my/key_add.html", "New key", form=form, back=reverse("my:keys"))


def made(request: HttpRequest, form: KeyForm) -> HttpResponse | None:
    """Returns the way to the secret of the new key, None where the form is not complete."""
    if request.method != "POST" or not form.is_valid():
        return None
    key = form.save(commit=False)
    try:
        with transaction.atomic():
            new = key_actions.create(scope.person_of(request), key)
    except KeyRefused as error:
        form.add_error(None, error.message)
        return None
    except IntegrityError:
        # Somebody else was quicker.
        form.add_error("name", TAKEN.format(team=key.team))
        return None
    return _to_secret(request, key, new.secret)


def _to_secret(request: HttpRequest, key: ClientKey, secret: str) -> HttpResponse:
    response = redirect("my:key-secret", key_id=key.pk)
    shown_once.keep(request, response, f"key {key.pk}", secret)
    return private(response)


@require_safe
def secret_page(request: HttpRequest, key_id: int) -> HttpResponse:
    """Shows the secret of a key that was just made or rotated, as often as this browser asks within ten minutes."""
    key = scope.key(scope.person_of(request), key_id)
    secret = shown_once.read(request, f"key {key_id}")
    if secret is None:
        messages.warning(request, "The secret of this key is shown no more. Rotate the key to get a new one.")
        return redirect("my:key", key_id=key_id)
    context = {"key": key, "secret": secret, "setups": _setups(request, key, secret)} | _watched()
    return private(render(request, "my/key_secret.html", f"Key {key.name}", **context))


@require_POST
def copied(request: HttpRequest, key_id: int) -> HttpResponse:
    """Forgets the secret."""
    scope.key(scope.person_of(request), key_id)
    response = redirect("my:key", key_id=key_id)
    shown_once.forget(request, response)
    return response


def _watched() -> dict[str, int]:
    return {"since": int(timezone.now().timestamp() * 1000)}


@require_safe
def newest(request: HttpRequest, key_id: int) -> HttpResponse:
    """Returns a part of a page with the newest request of a key since the page was opened, as the set-up guide does."""
    person = scope.person_of(request)
    key = scope.key(person, key_id)
    since = waiting.since_of(request)
    if since is None:
        return HttpResponseBadRequest("since: milliseconds are expected", content_type="text/plain")
    rows = visible(person, RequestLog.objects.filter(key_id=key.pk, started_at__gte=since))
    row = rows.order_by("-started_at").first()
    url = "" if row is None else reverse("my:request", args=[row.pk])
    return waiting.shown(request, row, url, advised=False)


def _setups(request: HttpRequest, key: ClientKey, secret: str) -> Any:
    return setups(base_url(request), secret, route_to_show(key))


@require_safe
def page(request: HttpRequest, key_id: int) -> HttpResponse:
    """Shows a key: its state, limits and usage, how to use it, and what may be done with it."""
    person = scope.person_of(request)
    key = scope.key(person, key_id)
    actions = [(action, *_WORDS[action]) for action in key_actions.actions(person, key)]
    return render(
        request,
        "my/key.html",
        f"Key {key.name}",
        key=key,
        is_own=key.owner_id == person.pk,
        is_led=key.revoked_at is None and scope.led_teams(person).filter(pk=key.team_id).exists(),
        state=state_of(key),
        refused=refused_keys.by_key({key.pk}).get(key.pk),
        rotated=is_being_rotated(key),
        has_secret=shown_once.read(request, f"key {key.pk}") is not None,
        last_use=with_last_use(ClientKey.objects.filter(pk=key.pk)).values_list("last_use", flat=True)[0],
        actions=actions,
        not_enabled=key_actions.why_not(Action.ENABLE, key, person) if state_of(key) == "disabled" else "",
        limits=[*limits.of_key(key), *limits.rates_of_key(key), *shown.as_limits(standing.of_key(key))],
        cards=usage.cards(*(usage.of_key(person, key, each) for each in (query.last_days(1), query.this_month()))),
        routes=usable_routes(key),
        setups=_setups(request, key, PLACEHOLDER),
        **_watched(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def action_page(request: HttpRequest, key_id: int, action: str) -> HttpResponse:
    """Asks whether to rotate, disable, enable, revoke or delete a key, and does it by POST."""
    person = scope.person_of(request)
    key = scope.key(person, key_id)
    if action not in list(Action):
        raise Http404
    wanted = Action(action)
    if wanted not in key_actions.actions(person, key):
        refused = key_actions.why_not(wanted, key, person)
        messages.warning(request, refused or f"Only its owner may {wanted} {key}.")
        return redirect("my:key", key_id=key_id)
    form = RotateForm(request.POST or None) if wanted is Action.ROTATE else None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            return _done(request, key, wanted, form)
        except KeyRefused as error:
            # It was changed in another window.
            messages.warning(request, error.message)
            return redirect("my:key", key_id=key_id)
    label, text = _WORDS[wanted]
    cut = settings.REVOKED_KEYS == "cut" and wanted in (Action.DISABLE, Action.REVOKE)
    return render(
        request, "my/key_action.html", f"{label} {key.name}?",
        key=key, action=wanted, label=label, text=text, form=form,
        under_way="are cut" if cut else "finish" if wanted in (Action.DISABLE, Action.REVOKE) else "",
    )  # fmt: skip


def _done(request: HttpRequest, key: ClientKey, action: Action, form: RotateForm | None) -> HttpResponse:
    person = scope.person_of(request)
    if form is not None:
        return _to_secret(request, key, key_actions.rotate(person, key, form.hours()).secret)
    team_id, is_own, text = key.team_id, key.owner_id == person.pk, _DONE[action].format(key=key)
    getattr(key_actions, action)(person, key)
    messages.success(request, text)
    if action is not Action.DELETE:
        return redirect("my:key", key_id=key.pk)
    return redirect("my:keys") if is_own else redirect("my:team", team_id=team_id)
