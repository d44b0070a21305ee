"""A test that is skipped, as the counts are on another interpreter, is named in the closing lines of the tests."""

from __future__ import annotations

from pathlib import Path

from tests.harness import summary

_REPORT = """<testsuites><testsuite>
<testcase name="test_counted"><properties><property name="database" value="SQLite"/></properties>
<skipped type="pytest.skip" message="NOT COMPARED: another build"/></testcase>
<testcase name="test_other"><properties><property name="database" value="SQLite"/></properties></testcase>
</testsuite></testsuites>"""


def test_a_skipped_test_is_named_with_its_reason_and_counts_as_none(tmp_path: Path) -> None:
    report = tmp_path / "counts.xml"
    report.write_text(_REPORT)
    lines = summary.text({"counts": (0, report)}).splitlines()
    assert lines[-2:] == ["  SQLite: 1 tests", "  SKIPPED test_counted: NOT COMPARED: another build"]


def test_a_verdict_is_good_only_when_everything_ran_and_held(tmp_path: Path) -> None:
    held, skipped, failed, none = (tmp_path / name for name in ("held.xml", "skipped.xml", "failed.xml", "none.xml"))
    held.write_text('<testsuites><testcase classname="probes" name="test_one"/></testsuites>')
    skipped.write_text(_REPORT)
    failed.write_text('<testsuites><testcase classname="probes" name="test_two"><failure/></testcase></testsuites>')
    assert summary.verdict("attack", {"A": (0, held), "B": (0, held)}) == "attack: OK, 2 held"
    assert summary.verdict("attack", {"A": (0, held), "B": (1, failed)}) == "attack: FAILED: probes.test_two"
    assert summary.verdict("attack", {"A": (0, skipped)}).startswith("attack: FAILED: ")
    # A part that was broken off, chose nothing or left no report is no success.
    for code in (2, 3, 5, 130):
        assert summary.verdict("attack", {"A": (0, held), "B": (code, none)}) == "attack: FAILED: B"
    assert summary.verdict("attack", {}) == "attack: FAILED: nothing ran"
