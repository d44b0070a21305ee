"""`manage.py reset_link`: prints a one-time link to a new password, for who forgot theirs and gets no mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.audit import record
from access.sign_in.reset import link_for


class Command(BaseCommand):
    """Prints the link alone to stdout; what to do with it goes to stderr."""

    help = "Print a one-time link to a new password for a user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--url",
            default=settings.PUBLIC_URL or "http://127.0.0.1:3456",
            help="the address of the gateway in the link (default: PUBLIC_URL, or http://127.0.0.1:3456)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["username"]
        person = User.objects.filter(username=name).first()
        if person is None:
            near = User.objects.filter(username__iexact=name).values_list("username", flat=True).first()
            hint = f" Did you mean {near}?" if near else " `manage.py createsuperuser` makes an owner."
            raise CommandError(f"There is no user {name!r}.{hint}")
        if not person.is_active:
            raise CommandError(
                f"{person} is not active, so a new password would let nobody in. Activate the user first."
            )
        record("password link made", person)
        self.stdout.write(link_for(person, options["url"].rstrip("/")))
        self.stderr.write(f"It works once, for an hour, and until {person} signs in. Give it to nobody else.")
