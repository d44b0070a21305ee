"""`./gateway set_role`: gives a user a role for the whole site, or takes it away."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.management.users import named
from access.roles.giving import set_role
from access.roles.table import SENTENCES, SITE_ROLES, Role


class Command(BaseCommand):
    """Whoever has a shell is trusted with everything, so it asks for no other right."""

    help = "Give a user a role for the whole site. " + " ".join(
        f"{role.value}: {SENTENCES[role]}" for role in SITE_ROLES
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("role", choices=[*(role.value for role in SITE_ROLES), "none"])

    def handle(self, *args: Any, **options: Any) -> None:
        name, role = options["username"], options["role"]
        user = named(name)
        try:
            set_role(user, None if role == "none" else Role(role))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{name} has no role for the whole site now." if role == "none" else f"{name} is {role} now.")
