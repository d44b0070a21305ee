"""Whatever a provider counts, the row is in the database, and what the client is told stands there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from providers.dialects import DIALECTS
from tests.distrust.answers import ANSWERS, TEXT_TOKENS
from tests.harness.call import Client, message
from tests.harness.configure import Standing
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream


@pytest.mark.both_databases
@pytest.mark.parametrize("wrong", ["100000000000000000000000000", "1e308", "-7", '"many"', None])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_absurd_counts_set_no_row_aside(
    dialect: str, wrong: str | None, client: Client, standing: Standing, upstream: Upstream, orm: Rows
) -> None:
    script = upstream.script(ANSWERS[dialect](wrong, wrong, False))
    answer = client.post(message(standing.routes[dialect].name, script.prompt))
    row = orm.request(answer.request_id)
    (attempt,) = orm.attempts(row)
    for record in (row, attempt):
        assert (record.outcome, record.estimated, record.output_tokens) == ("completed", True, TEXT_TOKENS)
        assert "usage_estimated" in (record.fidelity or ())
        assert record.input_tokens is not None
        assert record.cost == (record.input_tokens * 3 + TEXT_TOKENS * 15) / Decimal(1_000_000)
    made = answer.stream()
    assert made.message is not None
    usage = {**made.message["usage"], **made.usage}
    assert (usage["input_tokens"], usage["output_tokens"]) == (row.input_tokens, row.output_tokens)
