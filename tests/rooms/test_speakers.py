"""Every dialect has an upstream's side in the tests."""

from __future__ import annotations

from providers.dialects import DIALECTS
from tests.harness.speakers import SPEAKERS


def test_every_dialect_has_a_speaker() -> None:
    assert sorted(SPEAKERS) == sorted(DIALECTS)
