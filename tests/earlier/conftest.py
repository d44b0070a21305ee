"""The restored database, migrated by today's code. Each test has it as it was: what it writes is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from tests.earlier.restored import ENCRYPTION_KEY, FILES, TIME_ZONE, VARIABLES
from tests.harness import database

NAME = "earlier"


@pytest.fixture(scope="session")
def restored(django_db_blocker: Any) -> None:
    """The earlier version's database, after `./gateway migrate`."""
    database.create_database(NAME, (FILES / f"{database.KIND}.sql").read_bytes().decode())
    with django_db_blocker.unblock(), database.connected_to(NAME):
        call_command("migrate", verbosity=0)


@pytest.fixture
def earlier(restored: None, django_db_blocker: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The restored database with the settings that it was written under."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with django_db_blocker.unblock(), database.connected_to(NAME):
        settings.ENCRYPTION_KEYS = [ENCRYPTION_KEY]
        settings.TIME_ZONE = TIME_ZONE
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
