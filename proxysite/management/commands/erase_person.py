"""`./gateway erase_person NAME`: takes a person's name, e-mail and addresses out of everything that is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import Model, Q
from django.utils import timezone

from access.audit import erasing, lock
from access.audit.erased_person import ErasedPerson, replacement_of
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
    SiteRole,
    Team,
    Webhook,
)
from access.roles.last_owner import refuse_without_owner
from providers.models import Provider
from proxysite.console.health import RESET_BY
from proxysite.state.models import Job
from routing.models import HealthState, Route
from usage.erasing import names_and_keys_of, replace_owner
from usage.reports.explore.models import SavedView
from usage.statements.models import StatementMail

_BINDING = (RateLimit, Budget, IncreaseRequest)
_NAMED_BY_PEOPLE = (User, SiteRole, Membership, Invitation, ClientKey, ReportToken, *_BINDING)
_FREE_TEXTS: tuple[tuple[type[Model], str], ...] = (
    (Team, "contact"),
    (Team, "notes"),
    (Provider, "notes"),
    (Route, "notes"),
    (IncreaseRequest, "reason"),
)
_IN_USE: tuple[tuple[type[Model], str], ...] = (
    (Team, "name"),
    (Team, "cost_centre"),
    (Webhook, "name"),
    (Webhook, "url"),
    (ClientKey, "name"),
    (ClientKey, "tags"),
)
"""Names, addresses and tags that something depends on: only whoever runs the gateway can say what else to write."""


class Command(BaseCommand):
    """Ends the person's keys and sessions and disables the account, too. Counts and sums stay."""

    help = (
        "Replace a person's name, e-mail and addresses by 'deleted user N' in the account, usage rows, rollups, "
        "sessions and the audit. Their keys end and the account is disabled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="NAME", help="the user's name, or after an erasure 'deleted user N'")
        parser.add_argument(
            "--also", action="append", default=[], metavar="NAME",
            help="another name or e-mail of theirs, such as one from before an earlier erasure; repeat it for several",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}. Enter the name as the list of users has it.")
        with transaction.atomic():
            lock()
            refuse_without_owner(user)
            person = _person(user, options["also"])
            _close(user, person)
            _rename_tokens_and_views(person)
            _rewrite_texts(person)
            _rewrite_imports(person)
            _forget_history(person)
            entries = erasing.erase(person)
            rows = replace_owner(person)
        self.stdout.write(f"{person.replacement}: replaced in {rows:,} usage rows and {entries:,} audit entries.")
        self.stdout.write(
            f'Requests that are under way still write the name: run erase_person "{person.replacement}" when they have '
            "ended."
        )
        for row in _still_naming(person):
            self.stdout.write(
                f'{row} still names them: change it by hand, then run erase_person "{person.replacement}" --also with '
                "that name, since the audit notes the change."
            )


def _person(user: User, also: list[str]) -> ErasedPerson:
    """Finds out what the person is called and was, and which keys were theirs."""
    full_name = user.get_full_name()
    invited = Invitation.objects.filter(accepted_by=user).values_list("email", flat=True)
    in_rows, keys = names_and_keys_of(user.pk)
    found = {user.username, user.email, *invited, *erasing.names_of(user.pk), *in_rows}
    found |= {full_name} if " " in full_name else set()
    others = User.objects.exclude(pk=user.pk)
    # What they were called once may be what somebody else is called today.
    names = {one for one in found if not others.filter(Q(username__iexact=one) | Q(email__iexact=one)).exists()}
    names |= {user.username, *also}
    keys |= erasing.keys_of(names | {replacement_of(user.pk)})
    keys |= set(ClientKey.objects.filter(owner=user).values_list("pk", flat=True))
    return ErasedPerson(user.pk, names, keys)


def _close(user: User, person: ErasedPerson) -> None:
    """Ends keys, memberships and sessions, and leaves nothing of the account but its number."""
    keys = ClientKey.objects.filter(owner=user)
    keys.filter(revoked_at=None).update(revoked_at=timezone.now())
    for key in ClientKey.objects.filter(pk__in=person.keys):
        # A key's name often is its owner's; it is unique in the team.
        name = person.name_of_key(key.pk)
        if key.owner_id == user.pk or key.name == name or person.replaced(key.name) != key.name:
            ClientKey.objects.filter(pk=key.pk).update(name=name)
        else:
            person.theirs.discard(key.pk)
    # Whoever made a report token knows its secret.
    ReportToken.objects.filter(created_by=user).update(enabled=False)
    Membership.objects.filter(user=user).delete()
    SiteRole.objects.filter(user=user).delete()
    IncreaseRequest.objects.filter(user=user).delete()
    for email in person.names:
        Invitation.objects.filter(email__iexact=email).update(email="")
    user.username, user.email, user.first_name, user.last_name = person.replacement, "", "", ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
    # Of every session, since whose it is stands in its data.
    ended = [row.pk for row in Session.objects.all() if row.get_decoded().get("_auth_user_id") == str(user.pk)]
    Session.objects.filter(pk__in=ended).delete()


def _rename_tokens_and_views(person: ErasedPerson) -> None:
    """Gives report tokens and saved views whose name has one of theirs in it a name of their own."""
    for token in ReportToken.objects.all():
        if person.replaced(token.name) != token.name:
            name = f"report token {token.pk} of {person.replacement}"
            ReportToken.objects.filter(pk=token.pk).update(name=name)
    for view in SavedView.objects.filter(person.mentioned_in("name")):
        if person.replaced(view.name) != view.name:
            # Unique for its owner, as a view's name must be.
            SavedView.objects.filter(pk=view.pk).update(name=f"view {view.pk} of {person.replacement}")


def _rewrite_texts(person: ErasedPerson) -> None:
    """Replaces the names in what people wrote about something else; a text that was nothing but a name is emptied."""
    for model, column in _FREE_TEXTS:
        longest = getattr(model._meta.get_field(column), "max_length", None)
        for row in model._default_manager.filter(person.mentioned_in(column)):
            before = getattr(row, column)
            text = person.replaced(before)
            if text != before:
                rewritten = "" if text.strip() == person.replacement else text[:longest]
                model._default_manager.filter(pk=row.pk).update(**{column: rewritten})


def _rewrite_imports(person: ErasedPerson) -> None:
    """Replaces the names in the differences that imports of configuration files have found."""
    for job in Job.objects.filter(kind=Job.Kind.IMPORT):
        before = (job.found, job.options)
        job.found, job.options = (_each_text(value, person) for value in before)
        if before != (job.found, job.options):
            Job.objects.filter(pk=job.pk).update(found=job.found, options=job.options)


def _each_text(value: Any, person: ErasedPerson) -> Any:
    """Returns what JSON holds, at any depth, with the names replaced in its texts."""
    if isinstance(value, dict):
        return {name: _each_text(item, person) for name, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, person) for item in value]
    return person.replaced(value) if isinstance(value, str) else value


def _still_naming(person: ErasedPerson) -> Iterator[str]:
    """Yields what has a name in it that this command does not change."""
    for model, column in _IN_USE:
        for row in model._default_manager.filter(person.mentioned_in(column)).order_by("pk"):
            if person.replaced(text := getattr(row, column)) != text:
                field = model._meta.get_field(column)
                yield f"The {field.verbose_name} of {model._meta.verbose_name} {row.pk}"  # type: ignore[union-attr]


def _forget_history(person: ErasedPerson) -> None:
    """Replaces the names in what Django's admin notes by itself, and in who reset the health of providers."""
    kinds = ContentType.objects.get_for_models(*_NAMED_BY_PEOPLE)
    entries = LogEntry.objects.filter(content_type__in=kinds.values()) | LogEntry.objects.filter(
        person.mentioned_in("change_message")
    )
    by_id = {kind.pk: model for model, kind in kinds.items()}
    keys = {str(pk): person.name_of_key(pk) for pk in person.theirs}
    former = erasing.names_of_keys(person)
    for entry in entries:
        before = (entry.object_repr, entry.change_message)
        model = by_id.get(entry.content_type_id or 0)
        entry.change_message = _message(entry.change_message, person)
        if model is User and entry.object_id == str(person.id):
            entry.object_repr, entry.change_message = person.replacement, ""
        elif model is ClientKey and entry.object_id in keys:
            entry.object_repr = keys[entry.object_id]
        elif model is not None:
            entry.object_repr = person.replaced(entry.object_repr)
            for names in former if model in _BINDING else ():
                entry.object_repr = names.replaced(entry.object_repr)
        if before != (entry.object_repr, entry.change_message):
            entry.save(update_fields=["object_repr", "change_message"])
    # An alert is a sentence about somebody: without their name it says nothing.
    about = Alert.objects.filter(Q(whose=person.id) | person.mentioned_in("text") | person.mentioned_in("subject"))
    about.delete()
    OutboxMessage.objects.filter(user=person.id).delete()
    for mail in StatementMail.objects.filter(person.mentioned_in("address")):
        if (address := person.replaced(mail.address)) != mail.address:
            once = f"{mail.statement_id}:erased:{mail.pk}"
            StatementMail.objects.filter(pk=mail.pk).update(address=address, once=once, next_try_at=None)
    for row in HealthState.objects.filter(person.mentioned_in("changed_by"), changed_by__startswith=RESET_BY):
        HealthState.objects.filter(pk=row.pk).update(changed_by=person.replaced(row.changed_by))


def _message(text: str, person: ErasedPerson) -> str:
    """Returns what an entry of Django's says with the names replaced in the rows that it lists."""
    if not text.startswith("["):
        return text
    parts = json.loads(text)
    for part in parts:
        for row in part.values():
            if "object" in row:
                row["object"] = person.replaced(row["object"])
    return json.dumps(parts)
