"""What keeps the database from answering is named by its class, whatever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.backends.signals import connection_created

from streaming.endpoints.health import Database


class _Broken(Exception):
    pass


@pytest.fixture
def broken() -> Iterator[None]:
    """No connection can be opened, by a fault that is not the database's."""

    def fail(**_: Any) -> None:
        raise _Broken

    connection_created.connect(fail)
    try:
        yield
    finally:
        connection_created.disconnect(fail)


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
@pytest.mark.usefixtures("broken")
def test_a_fault_of_another_kind_is_named_too() -> None:
    assert asyncio.run(Database().error()) == "_Broken"
