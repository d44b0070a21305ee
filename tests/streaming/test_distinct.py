"""What rows call clients and sets of tags: by name while there are few of them on a day."""

from __future__ import annotations

import pytest

from access.tags import OTHERS, Tagged, globs_of, of_key, of_request, set_id
from streaming.outcome.distinct import Distinct


def test_versions_beyond_those_of_a_key_and_of_all_are_other() -> None:
    distinct = Distinct()
    for number in range(50):
        assert distinct.client(1, 1, f"cli/{number}") == ("cli", str(number))
    assert distinct.client(1, 1, "cli/50") == ("cli", "other")
    assert distinct.client(1, 1, "cli/7") == ("cli", "7")
    assert distinct.client(1, 2, "cli/50") == ("cli", "50")
    for key in range(3, 20):
        for number in range(50):
            distinct.client(1, key, f"cli/{key}.{number}")
    assert distinct.client(1, 99, "cli/new") == ("cli", "")
    assert distinct.client(1, 99, "cli/99999") == ("cli", "other")
    assert distinct.client(1, 99, "cli/7") == ("cli", "7")
    assert distinct.client(2, 99, "cli/99999") == ("cli", "99999")


def test_names_beyond_those_of_a_key_are_other() -> None:
    distinct = Distinct()
    found = [distinct.client(1, 1, f"tool-{number}/1") for number in range(5_000)]
    assert found[19] == ("tool-19", "1")
    assert set(found[20:]) == {("other", "other")}
    assert distinct.client(1, 2, "tool-4999") == ("tool-4999", "")


def _claimed(name: str, *tags: str, count: bool = False) -> Tagged:
    return of_request(tags, globs_of("*"), count=count, header=name)


def test_sets_of_claims_beyond_those_of_a_key_and_of_all_have_one_id() -> None:
    distinct, others = Distinct(), set_id([OTHERS])
    for number in range(200):
        assert distinct.tags_id(1, 1, _claimed(str(number))) == _claimed(str(number)).id
    assert distinct.tags_id(1, 1, _claimed("another")) == others
    assert distinct.tags_id(1, 1, _claimed("7")) == _claimed("7").id
    for key in range(2, 12):
        for number in range(200):
            distinct.tags_id(1, key, _claimed(f"{key}-{number}"))
    assert distinct.tags_id(1, 99, _claimed("another")) == others
    assert distinct.tags_id(2, 99, _claimed("another")) == _claimed("another").id


@pytest.mark.parametrize("count", [False, True])
def test_the_keys_own_tags_are_kept_beyond_the_bound(count: bool) -> None:
    distinct = Distinct()
    found = {
        distinct.tags_id(1, key, _claimed(f"job-{number}", f"team-{key}", "ci", count=count))
        for key in (1, 2)
        for number in range(300)
    }
    assert {set_id(["ci", "team-1", OTHERS]), set_id(["ci", "team-2", OTHERS])} < found
    assert len(found) == 2 * (200 + 1)
    assert distinct.tags_id(1, 1, of_key(("ci",))) == set_id(["ci"])
