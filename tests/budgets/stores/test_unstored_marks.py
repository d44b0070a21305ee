"""A key whose answer was ended for its budget stays refused, also where the database could not note that at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from tests.budgets.spending import Spending, answering, cents_for, refused, reserved, settled
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream
from usage.budgets.models import BudgetMark

pytestmark = pytest.mark.both_databases

SLICE = 1_000


@pytest.fixture(scope="module")
def server(live_database: None, upstream: Upstream) -> Iterator[Gateway]:
    started = Gateway("marks", env={"BUDGET_SLICE_TOKENS": str(SLICE)})
    try:
        yield started.start()
    finally:
        started.stop()


@contextmanager
def no_marks() -> Iterator[None]:
    """The database takes no marks."""
    table = BudgetMark._meta.db_table
    if connection.vendor == "postgresql":
        begin = f"ALTER TABLE {table} ADD CONSTRAINT no_marks CHECK (false) NOT VALID"
        end = f"ALTER TABLE {table} DROP CONSTRAINT no_marks"
    else:
        begin = f"CREATE TRIGGER no_marks BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no marks'); END"
        end = "DROP TRIGGER no_marks"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute(end)


def test_the_mark_holds_and_is_stored_later(server: Gateway, upstream: Upstream, orm: Rows) -> None:
    spending = Spending(upstream, [server])

    def body(prompt: str) -> dict[str, object]:
        system = [{"type": "text", "text": "word " * 2_000, "cache_control": {"type": "ephemeral"}}]
        return spending.body(prompt, 10_000, system=system)

    # The prompt was cached, so that most of what was reserved for it comes back: enough for another request.
    made = spending.script(
        body, lambda tokens: [answering(tokens // 50, 10_000, pause=0.005, each=20, cached=tokens - tokens // 50)]
    )
    key = spending.key(cents_for(reserved(made.tokens, SLICE) + reserved(0, 2 * SLICE)))
    small = {**made.body, "max_tokens": 100}
    spending.ready()
    with no_marks():
        assert spending.send(made.body, key).stream().stop_reason == "max_tokens"
        for _ in range(3):
            answer = spending.send(small, key)
            assert refused(answer)
            assert "cannot read the budgets" in answer.json["error"]["message"]
        assert not BudgetMark.objects.filter(key_id=key.row.pk).exists()
    until(lambda: BudgetMark.objects.filter(key_id=key.row.pk).exists(), "the mark")
    answer = spending.send(small, key)
    assert refused(answer)
    assert "has not enough left" in answer.json["error"]["message"]
    assert len(made.script.seen) == 1
    assert settled(5, key_id=key.row.pk)[1] == 0
