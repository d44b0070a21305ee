"""The tags of a request: its key's, and those that its client names in a header."""

from __future__ import annotations

import time

import pytest

from access.tags import NO_TAGS, OTHERS, Tagged, globs_of, meant, of_key, of_request, set_id, tags_of, why_invalid
from tests.harness.patience import at_best


def found(header: str | None, tags: str = "", patterns: str = "", *, count: bool = False) -> Tagged:
    if header is None:
        return of_key(tags_of(tags))
    return of_request(tags_of(tags), globs_of(patterns), count=count, header=header)


def test_a_key_alone_gives_its_tags_sorted_and_their_id() -> None:
    tagged = found(None, " night,  ci,ci ,")
    assert (tagged.tags, tagged.seen, tagged.others) == (["ci", "night"], ("night", "ci", "ci"), None)
    assert tagged.id == set_id(["ci", "night"]) == of_key(("ci", "night")).id
    assert found(None).id == NO_TAGS
    assert len({NO_TAGS, set_id([OTHERS]), tagged.id, set_id(["ci", "night", "x"]), set_id(["ci night"])}) == 5


def test_what_a_client_names_is_a_claim_that_rules_do_not_see() -> None:
    tagged = found("project-x , project-y,project-x,", "ci", "project-*")
    assert tagged.tags == ["ci", "claimed:project-x", "claimed:project-y"]
    assert (tagged.seen, tagged.others, tagged.ignored) == (("ci",), set_id(["ci", OTHERS]), {})
    assert tagged.id != found("project-x", "ci", "project-*").id


def test_where_they_count_they_are_tags_like_the_keys() -> None:
    tagged = found("project-x,ci", "ci", "project-*, ci", count=True)
    assert (tagged.tags, tagged.seen) == (["ci", "project-x"], ("ci", "project-x"))
    assert (tagged.id, tagged.others) == (found(None, "ci,project-x").id, set_id(["ci", OTHERS]))


@pytest.mark.parametrize("count", [False, True])
def test_a_row_alone_tells_what_its_id_stands_for(count: bool) -> None:
    tagged = found("a, z, b", "m, n", "*", count=count)
    assert tagged.tags[:2] == ["m", "n"]
    assert meant(tagged.id, tagged.tags) == sorted(tagged.tags)
    assert meant(tagged.others, tagged.tags) == [OTHERS, "m", "n"]
    assert meant(found("a", "", "*").others, ["claimed:a"]) == [OTHERS]
    assert (meant(NO_TAGS, []), meant(None, None)) == ([], None)
    assert meant(set_id(["m", "n", "other"]), tagged.tags) is None


def test_a_tag_that_the_key_has_is_no_claim() -> None:
    assert found("ci", "ci") == Tagged(["ci"], set_id(["ci"]), ("ci",))


@pytest.mark.parametrize(
    ("header", "patterns", "why"),
    [
        ("secret", "", "not_allowed"),
        ("project", "project-*", "not_allowed"),
        ("claimed:x", "*", "not_allowed"),
        ("a\x01b", "*", "not_allowed"),
        ("Claimed:x", "*", "not_allowed"),
        ("x" * 41, "*", "too_long"),
        (",".join(map(str, range(11))), "*", "too_many"),
    ],
)
def test_others_are_ignored_and_counted(header: str, patterns: str, why: str) -> None:
    tagged = found(header, "ci", patterns)
    assert tagged.ignored == {why: 1}
    assert len(tagged.tags) == (11 if why == "too_many" else 1)


@pytest.mark.parametrize(
    ("glob", "tag", "matches"),
    [
        ("a*b", "ab", True), ("a*b", "axxb", True), ("a*a", "a", False), ("*", "anything", True), ("*b*", "abc", True),
        ("*b*b*", "abc", False), ("a*b*c", "acbc", True), ("ab", "abc", False), ("AB", "ab", False),
    ],
)  # fmt: skip
def test_a_star_matches_any_characters(glob: str, tag: str, matches: bool) -> None:
    assert (found(tag, "", glob).others is not None) is matches


def test_neither_a_long_header_nor_many_stars_take_long() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        assert len(found("a,b" * 30_000, "", "*").tags) <= 10
        assert found("a" * 40, "", "*a" * 60 + "b").others is None
        return time.perf_counter() - began

    at_best(0.05, seconds)
    long = found(",".join(["x" * 38] * 60 + ["never"]), "", "*")
    assert (long.tags, long.ignored) == (["claimed:" + "x" * 38], {"too_many": 1})


def test_a_tag_beyond_ascii_is_read_as_it_was_sent() -> None:
    assert found("projekt-größe".encode().decode("latin-1"), "", "*").tags == ["claimed:projekt-größe"]
    assert found("gr\xf6\xdfe", "", "*").tags == ["claimed:größe"]


def test_a_keys_own_tag_is_no_claim_and_not_longer_than_a_clients() -> None:
    assert "no tag begins with it" in why_invalid(["ci", "Claimed:x"])
    assert "cannot be seen" in why_invalid(["a\u200bb"])
    assert "more than 40 characters" in why_invalid(["x" * 41])
    assert why_invalid(["ci", "project-*"]) == ""
