"""When months are closed and mailed by themselves, and the mails of a statement."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from access import mail
from access.tags import tags_of
from usage.statements import mails
from usage.statements.models import Statement, StatementMail, StatementSchedule

CLOSE = "usage.add_statement"
NO_SERVER = (
    "No mail is sent: set EMAIL_URL, DEFAULT_FROM_EMAIL and PUBLIC_URL, and restart the gateway (docs/operations.md)."
)


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """The closing day, and mail."""

    class Meta:
        model = StatementSchedule
        fields = ["day", "mails", "recipients"]
        widgets = {
            "day": UnfoldAdminIntegerFieldWidget(attrs={"min": 1, "max": 28, "placeholder": "off"}),
            "mails": UnfoldBooleanSwitchWidget(),
            "recipients": UnfoldAdminTextInputWidget(attrs={"placeholder": "billing@example.com"}),
        }

    def clean_recipients(self) -> str:
        """Returns the addresses, each once."""
        addresses = tags_of(self.cleaned_data["recipients"])
        for address in addresses:
            if not mails.is_address(address):
                raise forms.ValidationError(f"{address} is no e-mail address. Separate addresses by commas.")
        return ", ".join(dict.fromkeys(addresses))

    def save(self, commit: bool = True) -> Any:
        """Saves the one row; mails begin with statements that are closed from now on."""
        schedule = self.instance
        schedule.pk = 1
        if not schedule.mails:
            schedule.mails_since = None
        elif schedule.mails_since is None:
            schedule.mails_since = timezone.now()
        return super().save(commit)


def present() -> StatementSchedule:
    """Returns the schedule, or one that is off."""
    return StatementSchedule.objects.first() or StatementSchedule()


def summary(schedule: StatementSchedule) -> str:
    """Returns what happens by itself, as a sentence."""
    mailed = "mailed to the team's contact, or its leads where that is no address" if schedule.mails else ""
    if schedule.day is None:
        return f"Somebody closes months here; a closed one is {mailed}." if mailed else ""
    closed = f"Each month is closed on day {schedule.day} of the next one in the team's time zone"
    return f"{closed}, and {mailed}." if mailed else f"{closed}."


@require_POST
@permission_required(CLOSE, raise_exception=True)
def send(request: HttpRequest, number: int) -> HttpResponse:
    """Mails a statement to its recipients, also if it was mailed before."""
    statement = get_object_or_404(Statement, pk=number)
    if not mail.is_configured():
        messages.error(request, NO_SERVER)
    elif queued := mails.queue(statement, request.user.pk):
        messages.success(request, f"Statement {number} goes to {queued} address{'es' if queued > 1 else ''} now.")
    else:
        messages.error(request, mails.NOBODY)
    return HttpResponseRedirect(reverse("console:statement", args=[number]))


def of_statement(statement: Statement) -> list[dict[str, Any]]:
    """Returns the mails of a statement, the newest first: `to`, `state`, `at`, `by` (the user's name, "" for the
    schedule), and `failed`."""
    rows = list(statement.mails.all())
    people = {pk for row in rows for pk in (row.person_id, row.sent_by) if pk is not None}
    names = {user.pk: user for user in User.objects.filter(pk__in=people)}
    return [
        {
            "to": row.address or _person(names.get(row.person_id or 0), row),
            "state": _state(row),
            "failed": row.failed_at is not None,
            "at": row.sent_at or row.failed_at or row.created_at,
            "by": "" if row.sent_by is None else _name(names.get(row.sent_by)),
        }
        for row in rows
    ]


def _person(person: User | None, row: StatementMail) -> str:
    if row.person_id is None:
        return "nobody"
    return f"{_name(person)} (lead)"


def _name(person: User | None) -> str:
    return "somebody who is gone" if person is None else person.get_username()


def _state(row: StatementMail) -> str:
    if row.sent_at is not None:
        return "sent"
    if row.failed_at is not None:
        return f"not sent: {row.error}"
    if row.next_try_at is None:
        return f"not sent: {row.error or 'taken back.'}"
    return f"is tried again after: {row.error}" if row.tries else "goes out now"
