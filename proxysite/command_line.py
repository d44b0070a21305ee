"""Runs a command of `./gateway`, and ends it with a sentence where the settings or the database cannot be used."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

NAME: Final = "./gateway"
"""The command as people type it. It runs manage.py."""


def run(arguments: Sequence[str]) -> None:
    """Runs a command of Django's with its arguments, such as `["serve", "--port", "3456"]`. Raises SystemExit."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proxysite.settings")
    if list(arguments[:1]) == ["serve"]:
        # It works again when `serve` has its modules: looking through them while they come is a sixth of a start.
        gc.disable()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import InterfaceError, OperationalError

    from access.audit.context import command_line

    try:
        with command_line(list(arguments)):
            execute_from_command_line([NAME, *arguments])
    except ImproperlyConfigured as error:
        sys.exit(f"The settings cannot be used. {error}")
    except (OperationalError, InterfaceError) as error:
        sys.exit(
            f"The database cannot be used: {str(error).strip()}\n"
            f"DATABASE_URL names it. Check that it is right and that the server runs, then run `{NAME} migrate`."
        )
