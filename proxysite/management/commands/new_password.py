"""`./gateway new_password`: gives a user a new password, for who forgot theirs and is at the server."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from access.management.users import named


class Command(BaseCommand):
    """Prints the password alone to stdout; what it ends goes to stderr."""

    help = "Give a user a new password and print it. It ends the user's sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        person = named(options["username"], active=True)
        password = secrets.token_urlsafe(12)
        person.set_password(password)
        person.save(update_fields=["password"])
        self.stdout.write(password)
        self.stderr.write(f"That is {person}'s password now, shown only here. Every session of {person} has ended.")
