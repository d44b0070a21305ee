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
