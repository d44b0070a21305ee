"""The local time that a live request has: the present minute in the site's zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from routing.facts.request_facts import Moment
from streaming.exchange import local_time


def test_it_goes_on_with_the_minute_and_follows_the_sites_zone(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    now = datetime(2026, 11, 30, 18, 29, 59, 500_000, UTC).timestamp()
    monkeypatch.setattr(time, "time", lambda: now)
    settings.TIME_ZONE = "Asia/Kolkata"
    assert local_time.present() == Moment("23:59", "mon")
    now += 1.0
    assert local_time.present() == Moment("00:00", "tue")
    settings.TIME_ZONE = "America/New_York"
    assert local_time.present() == Moment("13:30", "mon")
