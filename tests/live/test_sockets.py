"""A browser's WebSocket lasts no longer than the rights behind it, whatever fails, and nobody has too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from websockets.exceptions import ConnectionClosed

from proxysite.live.hub import MOST_OF_ONE
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.live.watching import cookies_of, watching

pytestmark = pytest.mark.both_databases
People = Callable[..., User]
FAILED = "the rights of a browser could not be looked at"


@contextmanager
def _no_sessions() -> Iterator[None]:
    """While it lasts, nobody can read sessions."""
    table, away = Session._meta.db_table, "sessions_away"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {away}")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE {away} RENAME TO {table}")


def test_a_look_that_fails_is_not_the_last_one(two_workers: Gateway, orm: Rows, person: People) -> None:
    # The last owner stays one.
    owner, _ = person(is_superuser=True), person(is_superuser=True)
    with watching(two_workers.base_url, cookies_of(owner)) as eyes:
        eyes.update()
        since = two_workers.log_end()
        with _no_sessions():
            two_workers.wait_logged(FAILED, since)
        eyes.update()
        User.objects.filter(pk=owner.pk).update(is_active=False, is_superuser=False)
        assert eyes.closed_with() == 4401


def test_a_socket_whose_rights_nobody_can_look_at_is_closed(two_workers: Gateway, orm: Rows, person: People) -> None:
    with watching(two_workers.base_url, cookies_of(person(is_superuser=True))) as eyes:
        eyes.update()
        with _no_sessions():
            assert eyes.closed_with() == 1011


def test_a_person_has_a_few_sockets_at_once(two_workers: Gateway, orm: Rows, person: People) -> None:
    cookies, codes = cookies_of(person(is_superuser=True)), []
    with ExitStack() as stack:
        # One of the two workers gets one too many.
        for _ in range(2 * MOST_OF_ONE + 1):
            eyes = stack.enter_context(watching(two_workers.base_url, cookies))
            try:
                eyes.update()
            except ConnectionClosed as closed:
                codes.append(closed.rcvd and closed.rcvd.code)
        assert set(codes) == {4429}
        stack.enter_context(watching(two_workers.base_url, cookies_of(person(is_superuser=True)))).update()
