"""`./gateway reset_link`: prints a one-time link to a new password, for who forgot theirs and gets no mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from access.audit import record
from access.management.users import named
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
        person = named(options["username"], active=True)
        record("password link made", person)
        self.stdout.write(link_for(person, options["url"].rstrip("/")))
        self.stderr.write(f"It works once, for an hour, and until {person} signs in. Give it to nobody else.")
