"""Translated groups are kept within a limit, and none is taken for another."""

from __future__ import annotations

from providers.dialects.openai_chat.kept import Kept, KeptGroups

MODEL = ("openai", "m", "origin")


def test_groups_that_look_alike_from_outside_are_not_confused() -> None:
    kept = KeptGroups()
    around = b"x" * 300
    one, other = around + b"1" + around, around + b"2" + around
    kept.add(Kept(one), MODEL)
    assert kept.get(one, MODEL) == Kept(one)
    assert kept.get(other, MODEL) is None
    assert kept.get(one, ("openai", "m", "another")) is None


def test_the_groups_that_nobody_asked_for_go_first() -> None:
    kept = KeptGroups()
    groups = [b"%05d" % number + b"x" * 60_000 for number in range(1_000)]
    for group in groups:
        kept.add(Kept(group), MODEL)
        assert kept.get(groups[0], MODEL) is not None
    assert kept.get(groups[1], MODEL) is None
    assert kept.get(groups[-1], MODEL) is not None
    found = sum(kept.get(group, MODEL) is not None for group in groups)
    assert 200 < found < 16 * 1024 * 1024 / 60_000


def test_a_group_that_is_too_large_is_not_kept() -> None:
    kept = KeptGroups()
    group = b"x" * 100_000
    kept.add(Kept(group), MODEL)
    assert kept.get(group, MODEL) is None
