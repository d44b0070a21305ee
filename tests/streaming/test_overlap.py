"""What the text that goes on repeats of the text before it is cut, and nothing else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.attempts.continuation.splice import Overlap


def joined(before: str, *deltas: str, exact: bool = False) -> str:
    """The complete text as the client has it."""
    overlap = Overlap(before, exact=exact)
    return before + "".join(map(overlap.feed, deltas)) + overlap.settle()


@pytest.mark.parametrize(
    ("before", "after", "complete"),
    [
        # Nothing is repeated.
        ("The quick ", "brown fox", "The quick brown fox"),
        ("The quick bro", "wn fox", "The quick brown fox"),
        ("The quick", " brown fox", "The quick brown fox"),
        ("hel", "lo", "hello"),
        ("I know that", " that is so", "I know that that is so"),
        ("[0, 0, 0", ", 0, 0]", "[0, 0, 0, 0, 0]"),
        ("ha ha", " ha ha!", "ha ha ha ha!"),
        # The last words again.
        ("The quick bro", "brown fox", "The quick brown fox"),
        ("The quick brown", "brown fox", "The quick brown fox"),
        ("The quick brown", "quick brown fox", "The quick brown fox"),
        ("See, the quick brown fox", " the quick brown fox jumps", "See, the quick brown fox jumps"),
        ("See, the quick brown fox", "\n\nthe quick brown fox jumps", "See, the quick brown fox jumps"),
        # The complete answer again.
        ("First, mix the flour.", "First, mix the flour. Then bake.", "First, mix the flour. Then bake."),
        # Whitespace on both sides.
        ("One.\n\n", "\n\nTwo.", "One.\n\nTwo."),
        ("One.\n", "\n\nTwo.", "One.\n\nTwo."),
        ("One. ", " Two.", "One. Two."),
        ("One.", "", "One."),
        ("One.", "  ", "One.  "),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_joining(before: str, after: str, complete: str, size: int) -> None:
    assert joined(before, *(after[at : at + size] for at in range(0, len(after), size))) == complete


def test_what_was_written_right_behind_is_no_restart() -> None:
    assert joined("ban", "bananas", exact=True) == "banbananas"
    assert joined("The quick brown fox", "The quick brown fox jumps", exact=True) == "The quick brown fox jumps"


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_nothing_is_lost_but_what_stands_there_already(before: str, after: str, cuts: list[int]) -> None:
    """However it is cut into deltas, the outcome is the same, and all of the new text is in it."""
    places = sorted({0, len(after), *(cut for cut in cuts if cut < len(after))})
    deltas = [after[start:end] for start, end in itertools.pairwise(places)]
    complete = joined(before, *deltas)
    assert complete.startswith(before)
    assert complete.endswith(after.lstrip())


@given(st.text(min_size=30, max_size=200), st.integers(15, 200), st.text(max_size=50))
def test_a_long_repetition_is_always_cut(before: str, length: int, new: str) -> None:
    before = "x" + before.strip() + "y" * 3
    repeated = before[-length:].lstrip()
    if len(repeated) >= 15:
        assert len(joined(before, repeated + "!" + new)) <= len(before + "!" + new)
