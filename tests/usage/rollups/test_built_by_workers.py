"""A running gateway builds the months that are over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.usage.added import store
from tests.usage.dated import request
from usage.rollups.models import MonthRollup, RollupMonth

TEAM = 771_001


@pytest.mark.both_databases
def test_a_worker_builds_a_month_that_is_over_and_again_after_a_late_row(own_database: Rows) -> None:
    last_month = (timezone.now().replace(day=1) - timedelta(days=5)).replace(hour=12)
    first_day = last_month.date().replace(day=1)
    mine = MonthRollup.objects.filter(team_id=TEAM, keyless=True)

    def is_built(requests: int) -> bool:
        stands = RollupMonth.objects.filter(first_day=first_day).exclude(built_at=None).exists()
        return stands and sum(row.requests for row in mine.all()) == requests

    for requests in (1, 2):
        store([request(last_month, team_id=TEAM)])
        assert not is_built(requests)
        running = Gateway("months")
        try:
            running.start()
            until(lambda expected=requests: is_built(expected))  # type: ignore[misc]
        finally:
            running.stop()
