"""The forms beside the admin's own, who sends them, and the entries of the audit that they leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access import invitations
from access.models import ClientKey, IncreaseRequest, Team
from access.sign_in.reset import link_for
from providers.models import Model, Provider
from providers.pricing.differences import compare
from routing.health.keys import provider_key
from tests.admin.history import UNSAVED_PROVIDER, request_row
from tests.permissions.made import MARK
from usage.invoices import drafts
from usage.live.models import LiveSample
from usage.live.streams import Sample, Stream, encode
from usage.models import RequestLog

PASSWORD, NEW = "correct-horse-9", "battery-staple-9"
TWICE = {"new_password1": NEW, "new_password2": NEW}


class Sent(NamedTuple):
    """A form: on which page, sent by whom (a letter of tests.permissions.site), the entries that it leaves."""

    page: str
    by: str
    entries: set[str]
    form: dict[str, Any] | Callable[[Any], dict[str, Any]] = {}
    before: Callable[[Client, User | None], object] = lambda browser, person: None


def _search() -> Team:
    return Team.objects.get(name="Search")


def _first_key(browser: Client, person: User | None, **state: Any) -> None:
    ClientKey.objects.filter(pk=ClientKey.objects.order_by("pk")[0].pk).update(**state)


def _with_password(browser: Client, person: User | None) -> None:
    assert person is not None
    person.set_password(PASSWORD)
    person.save()
    browser.force_login(person)


def _credentials(person: Any) -> dict[str, Any]:
    return {"username": person.username, "password": PASSWORD}


def _signed_out(browser: Client, person: User | None) -> None:
    _with_password(browser, person)
    browser.logout()


def _invited(browser: Client, person: User | None) -> None:
    token = invitations.invite(User.objects.filter(is_superuser=True)[0], _search()).token
    assert browser.get(reverse("people:join-link", args=[token])).status_code == 302


def _forgetful(browser: Client, person: User | None) -> None:
    assert browser.get(link_for(User.objects.filter(is_superuser=False)[0], "")).status_code == 302


def _used_last_year() -> None:
    team = Team.objects.create(name="New")
    request_row(started_at=timezone.now() - timedelta(days=366), team_id=team.pk)


def _contact(browser: Client, person: User | None) -> None:
    Team.objects.update(contact="billing@example.com")


def _disabled(browser: Client, person: User | None) -> None:
    # By themselves: a member enables no key that somebody else disabled.
    key = ClientKey.objects.get(owner=person)
    assert browser.post(reverse("my:key-action", args=[key.pk, "disable"])).status_code == 302


def _revoked(browser: Client, person: User | None) -> None:
    ClientKey.objects.filter(owner=person).update(revoked_at=timezone.now())


def _listed(browser: Client, person: User | None) -> None:
    Provider.objects.update(name="openai")
    Model.objects.update(name="gpt-4o")


def _runs(browser: Client, person: User | None) -> None:
    key = ClientKey.objects.get(owner=person)
    RequestLog.objects.filter(key_id=key.pk).delete()
    # That of somebody who has no row.
    stream = Stream(id=str(UUID(int=0)), team_id=key.team_id, owner_id=key.owner_id)
    LiveSample.objects.update(streams=encode(Sample([stream])))


def _not_asked(browser: Client, person: User | None) -> None:
    IncreaseRequest.objects.filter(user=person).delete()


_BUDGET = {"period": "month", "week_starts": "0", "hard": "on", "enabled": "on"}


def _file(person: User | None) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("gateway.yaml", b"version: 1"), "format": "auto"}


# No worker runs here that would cut it.
_NOT_CUT = {"stream cut asked for", "stream cut not answered"}

WRITES = [
    Sent("console:job-start", "o", {"job started"}),
    Sent("console:job-cancel", "o", {"job cancelled"}),
    Sent("admin:usage_requestlog_prepare", "o", {"job started"}),
    Sent("admin:usage_attemptlog_prepare", "o", {"job started"}),
    Sent("console:configuration", "o", {"job started"}, _file),
    Sent("console:job-apply", "o", {"import confirmed"}, {"mark": MARK}),
    Sent(
        "console:health-reset", "o", {"health reset"}, lambda person: {"key": provider_key(Provider.objects.get().pk)}
    ),
    Sent("console:live-cut", "o", _NOT_CUT, {"why": "it repeats itself"}),
    Sent("my:live-cut own", "l", _NOT_CUT, {"why": "it repeats itself"}, _runs),
    Sent(
        "console:statements-close",
        "o",
        {"statement closed usage.statement"},
        lambda person: {"month": f"{timezone.now() - timedelta(days=366):%Y-%m}"},
        before=lambda browser, person: _used_last_year(),
    ),
    Sent(
        "console:statements-rate",
        "o",
        {"created usage.exchangerate"},
        {"month": "2020-01", "currency": "eur", "rate": "0.9"},
    ),
    Sent(
        "console:invoice-columns",
        "o",
        {"invoice compared usage.reconciliation", "created usage.invoicemapping"},
        {"column-0": "day", "column-1": "cost", "days": "iso", "decimal": ".", "delimiter": ",", "read_with": ","},
        lambda browser, person: drafts.put(person.pk, (9, "another"), "a.csv", b"date,cost\n2026-10-31,5\n"),  # type: ignore[union-attr]
    ),
    Sent("console:invoice-delete", "o", {"invoice comparison deleted usage.reconciliation"}),
    Sent("console:explorer-save", "o", {"created usage.savedview"}, {"name": "Cost", "query": "?range=7d"}),
    Sent("console:explorer-view", "o", {"changed usage.savedview"}, {"name": "Another"}),
    Sent("console:statements-schedule", "o", {"created usage.statementschedule"}, {"day": "3", "mails": "on"}),
    Sent("console:statement-send", "o", {"sent again usage.statement"}, before=_contact),
    Sent(
        "console:prices-library",
        "o",
        {"created providers.price"},
        lambda person: {"key": [change.key for change in compare(Model.objects.all(), timezone.now()).changes]},
        before=_listed,
    ),
    Sent("console:guide-key", "o", {"created access.clientkey"}),
    Sent("console:provider-models", "o", {"created providers.model"}, {"name": "listed"}),
    Sent("console:make-routes", "o", {"created routing.route", "created routing.candidate"}, {"own": "on"}),
    Sent("console:provider-test", "o", {"provider tested providers.provider"}, {"other": "m"}),
    Sent("console:provider-trial", "o", {"provider tested"}, UNSAVED_PROVIDER),
    Sent("console:provider-allow-field", "o", {"changed providers.provider"}, {"name": "seed"}),
    Sent("admin:auth_user_password_change", "o", {"password changed auth.user"}, {"password1": NEW, "password2": NEW}),
    Sent(
        "admin:access_clientkey_rotate",
        "o",
        {"rotated access.clientkey"},
        lambda person: {"present": ClientKey.objects.order_by("pk")[0].prefix, "hours": "0"},
    ),
    Sent("admin:access_clientkey_disable", "o", {"disabled access.clientkey"}),
    Sent(
        "admin:access_clientkey_enable",
        "o",
        {"enabled access.clientkey"},
        before=lambda browser, person: _first_key(browser, person, disabled_at=timezone.now()),
    ),
    Sent("admin:access_clientkey_revoke", "o", {"revoked access.clientkey"}),
    Sent("admin:access_increaserequest_approve", "o", {"approved access.increaserequest", "raised access.budget"}),
    Sent(
        "admin:access_increaserequest_approve_lasting",
        "o",
        {"approved access.increaserequest", "changed access.budget"},
    ),
    Sent("admin:access_increaserequest_decline", "o", {"declined access.increaserequest"}),
    Sent("admin:access_invitation_revoke", "o", {"revoked access.invitation"}),
    Sent("admin:access_webhook_test", "o", {"tested access.webhook"}),
    Sent("admin:access_outboxmessage_send_again", "o", {"sent again access.outboxmessage"}),
    Sent("people:leave Search", "m", {"deleted access.membership", "revoked access.clientkey"}),
    Sent("my:key-add", "l", {"created access.clientkey"}, lambda person: {"team": _search().pk, "name": "new"}),
    Sent("my:key-action rotate own", "m", {"rotated access.clientkey"}, {"overlap": "0"}),
    Sent("my:key-action disable own", "m", {"disabled access.clientkey"}),
    Sent("my:key-action enable own", "m", {"enabled access.clientkey"}, before=_disabled),
    Sent("my:key-action revoke own", "m", {"revoked access.clientkey"}),
    Sent(
        "my:key-action delete own",
        "m",
        {"deleted access.clientkey", "deleted access.budget", "deleted access.increaserequest"},
        before=_revoked,
    ),
    Sent(
        "my:team-key-add Search",
        "l",
        {"created access.clientkey"},
        lambda person: {"team": _search().pk, "name": "new"},
    ),
    Sent("my:member-remove Search", "l", {"deleted access.membership", "revoked access.clientkey"}),
    Sent("my:invite Search", "l", {"created access.invitation"}),
    Sent("my:invitation-revoke Search", "l", {"revoked access.invitation"}),
    Sent("my:budget-ask own", "m", {"created access.increaserequest"}, {"amount": "7"}, before=_not_asked),
    Sent(
        "my:team-budget-add Search",
        "l",
        {"created access.budget"},
        {**_BUDGET, "binds": "members", "amount": "7", "period": "day"},
    ),
    Sent("my:team-budget-change Search", "l", {"changed access.budget"}, {**_BUDGET, "amount": "8"}),
    Sent("my:team-budget-remove Search", "l", {"deleted access.budget"}),
    Sent(
        "my:team-limit-add Search",
        "l",
        {"created access.ratelimit"},
        {"binds": "members", "measure": "models", "per": "day", "most": "7"},
    ),
    Sent(
        "my:team-limit-change Search",
        "l",
        {"changed access.ratelimit"},
        {"measure": "requests", "per": "minute", "most": "8"},
    ),
    Sent("my:team-limit-remove Search", "l", {"deleted access.ratelimit"}),
    Sent("my:increase-withdraw own", "m", {"deleted access.increaserequest"}),
    Sent("my:increase-approve colleague", "l", {"approved access.increaserequest", "raised access.budget"}),
    Sent("my:increase-decline colleague", "l", {"declined access.increaserequest"}),
    *(
        Sent(f"{namespace}:{name}", "o", entries, form, before)
        for namespace in ("admin", "my")
        for name, entries, form, before in (
            ("login", {"signed in auth.user"}, _credentials, _signed_out),
            ("logout", {"signed out auth.user"}, {}, _with_password),
            ("password_change", {"password changed auth.user"}, {"old_password": PASSWORD, **TWICE}, _with_password),
        )
    ),
    Sent("people:new-password", "n", {"password changed auth.user"}, TWICE, _forgetful),
    Sent(
        "people:join",
        "n",
        {"created auth.user", "accepted access.invitation", "created access.membership", "signed in auth.user"},
        {"username": "new", "password1": NEW, "password2": NEW},
        _invited,
    ),
    Sent(
        "people:join",
        "s",
        {"accepted access.invitation", "created access.membership"},
        lambda person: {"person": person.pk},
        _invited,
    ),
]
READS = {
    "front", "console:explain", "console:guide-hide", "console:invoice-upload", "admin:search",
    "admin:index", "admin:app_list",
    "admin:view_on_site", "admin:access_auditentry_export", "admin:access_team_invite", "admin:providers_provider_test",
    "admin:providers_provider_list_models", "admin_password_reset", "my:key-copied", "my:invitation-copied",
    "my:search", "console:playground-token", "my:playground-token",
}  # fmt: skip
"""Pages that take a POST as a GET, ask for a mail, keep a file, or change the browser's session alone."""
