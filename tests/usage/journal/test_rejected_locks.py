"""A writer that had to set a row aside waits for the audit only where it takes such a row back, and before it locks
anything else."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import connection, transaction

from access import audit
from tests.budgets.made import finished
from tests.harness.patience import SOON, until
from usage.journal.records import Finished
from usage.journal.writer import Writer
from usage.models import RequestLog, SetAside
from usage.rollups import compare
from usage.rollups.models import UsageRollup

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
NO_STATUS = -1
"""A number that the column of the status does not take."""


@pytest.fixture
def rejected() -> Finished:
    """It is set aside."""
    one = finished("2026-03-10 12:00", 1, http_status=NO_STATUS)
    assert _write(one)
    assert SetAside.objects.count() == 1
    return one


def _write(one: Finished) -> bool:
    with closing(connection):
        return Writer(lambda account: None).write_through([one])


def _waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() is not None


@pytest.mark.usefixtures("rejected")
def test_other_rows_do_not_wait_for_who_changes_the_configuration() -> None:
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        audit.lock()
        assert pool.submit(_write, finished("2026-03-10 12:00", 2)).result(SOON)
    assert RequestLog.objects.count() == 1


def test_it_is_taken_back_after_who_locks_the_audit_and_then_the_rollups(rejected: Finished) -> None:
    rejected[0].http_status = 200
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            audit.lock()
            taking: Future[bool] = pool.submit(_write, rejected)
            until(_waits)
            # As the erasure of a person does.
            compare.lock(UsageRollup)
        assert taking.result(SOON)
    assert RequestLog.objects.count() == 1
    assert not SetAside.objects.exists()
