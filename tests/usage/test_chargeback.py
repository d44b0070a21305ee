"""What tags used: with a prefix lines add up to the plain sum over rows, without one each request counts for all of its
tags."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.models import AuditEntry, Team
from access.tags import CLAIMED, set_id
from proxysite.console.statements import chargeback as pages
from tests.admin.pages import links_of, text_of
from tests.usage.added import store
from tests.usage.dated import day, request
from usage.reports.chargeback import Kind, Used, chargeback

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PAGE = "/admin/console/chargeback/"
MARCH = (day("2026-03-01T00:00:00"), day("2026-04-01T00:00:00"))
_NAMES = ("project:a", "project:b", "ci")
_rows = st.lists(
    st.tuples(
        st.frozensets(st.sampled_from(_NAMES)),
        st.frozensets(st.sampled_from((*_NAMES, "night"))),
        st.none() | st.integers(0, 10**15),
        st.sampled_from((1, 2)),
        st.sampled_from(("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01")),
    ),
    max_size=8,
)


def _record(tags: list[str], cost: int | None, team_id: int, on: str, **fields: Any) -> Any:
    return request(day(f"{on}T10:00:00"), tags=tags, tags_id=set_id(tags), cost=cost, team_id=team_id, **fields)


def _plain(rows: list[tuple[list[str], int | None]], prefix: str, *, claims: bool) -> Counter[tuple[str, str, bool]]:
    """Counts requests by line, one row after the other."""
    found: Counter[tuple[str, str, bool]] = Counter()
    for tags, _ in rows:
        counting = [(tag.removeprefix(CLAIMED), tag.startswith(CLAIMED)) for tag in tags]
        fitting = [(tag, claim) for tag, claim in counting if tag.startswith(prefix) and (claims or not claim)]
        if prefix and len(fitting) > 1:
            found["several", "", False] += 1
        elif not fitting:
            found["untagged", "", False] += 1
        else:
            found.update(("tag", tag, claim) for tag, claim in fitting)
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_rows, st.sampled_from(("", "project:", "ci", "none")), st.booleans(), st.sampled_from((None, 1)))
def test_lines_are_what_the_rows_say(rows: list[Any], prefix: str, claims: bool, team_id: int | None) -> None:
    with transaction.atomic():
        kept, records = [], []
        for own, claimed, cost, team, on in rows:
            tags = [*sorted(own), *sorted(CLAIMED + tag for tag in claimed - own)]
            records.append(_record(tags, cost, team, on, input_tokens=3))
            if on.startswith("2026-03") and team_id in (None, team):
                kept.append((tags, cost))
        store(records)
        found = chargeback(*MARCH, prefix=prefix, claims=claims, team_id=team_id)
        transaction.set_rollback(True)
    known = [Decimal(cost).scaleb(-12) for _, cost in kept if cost is not None]
    assert (found.whole.requests, found.whole.cost or 0) == (len(kept), sum(known))
    by_line = {(line.kind.value, line.tag, line.is_claim): line.used.requests for line in found.lines}
    assert by_line == _plain(kept, prefix, claims=claims)
    if prefix:
        together = Used()
        for line in found.lines:
            together.add(line.used)
        assert together == found.whole


def test_sets_beyond_the_bound_and_rows_without_tags_stand_apart() -> None:
    store(
        [
            request(MARCH[0], tags=["ci", "claimed:x"], tags_id=set_id(["ci", CLAIMED]), team_id=1, cost=1),
            request(MARCH[0], tags=["claimed:y"], tags_id=set_id([CLAIMED]), team_id=1, cost=2),
            request(MARCH[0], tags=None, tags_id=None, team_id=1, cost=4),
        ]
    )

    def lines(**asked: Any) -> list[tuple[Kind, str, int]]:
        found = chargeback(*MARCH, **asked).lines
        return [(line.kind, line.tag, int((line.used.cost or 0) * 10**12)) for line in found]

    assert lines() == [(Kind.TAG, "ci", 1), (Kind.UNKNOWN, "", 4), (Kind.OTHERS, "", 3)]
    assert lines(claims=False) == [(Kind.TAG, "ci", 1), (Kind.UNKNOWN, "", 4), (Kind.NONE, "", 2)]
    assert lines(prefix="c") == [(Kind.TAG, "ci", 1), (Kind.UNKNOWN, "", 4), (Kind.OTHERS, "", 2)]


@pytest.fixture
def used() -> Team:
    """Two teams with tags, claims and neither."""
    teams = [Team.objects.create(name=name) for name in ("Search", "Support")]
    for team, tags, dollars in (
        (teams[0], ["ci", "project:a"], 5),
        (teams[0], ["project:a", "project:b"], 2),
        (teams[1], ["claimed:=night"], 1),
        (teams[1], [], 2),
    ):
        store([_record(tags, dollars * 10**12, team.pk, "2026-03-10", team_name=team.name)])
    return teams[0]


def test_the_page_says_that_lines_overlap(admin_client: Client, used: Team) -> None:
    page = admin_client.get(PAGE, {"month": "2026-03"})
    text = text_of(page)
    for part in (
        "Lines overlap",
        "project:a in 2 sets 2 — — — — $7.00 70.0 %",
        "ci 1 — — — — $5.00 50.0 %",
        "=night yes 1",
        "(untagged) 1 — — — — $2.00 20.0 %",
        "All requests, each once 4 — — — — $10.00",
    ):
        assert part in text
    explorer = text_of(admin_client.get(links_of(page)["project:a"]))
    assert "Cost: $7.00" in explorer
    assert "ci, project:a" in explorer


def test_with_a_prefix_each_request_counts_once(admin_client: Client, used: Team) -> None:
    text = text_of(admin_client.get(PAGE, {"month": "2026-03", "prefix": "project:"}))
    for part in (
        "project:a 1",
        "(several) 1",
        "(no tag with project:) in 2 sets 2",
        "Total 4",
        "add up to the whole",
    ):
        assert part in text
    text = text_of(admin_client.get(PAGE, {"month": "2026-03", "claims": "0", "team": str(used.pk)}))
    assert "All requests, each once 2" in text
    assert "night" not in text


def test_figures_of_a_deleted_team_are_not_shown_as_those_of_all(admin_client: Client, used: Team) -> None:
    number = used.pk
    used.delete()
    page = admin_client.get(PAGE, {"month": "2026-03", "team": str(number)})
    assert f"Tags, March 2026, team {number}" in text_of(page)
    assert f'<option value="{number}" selected>' in page.content.decode()


def test_a_page_has_the_first_lines_and_the_sum_of_all(
    admin_client: Client, used: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 1)
    text = text_of(admin_client.get(PAGE, {"month": "2026-03"}))
    assert "These are the first 1 lines; the files have all." in text
    assert "=night" not in text
    assert "All requests, each once 4 — — — — $10.00" in text


def test_files_have_exact_amounts_and_no_formulas(admin_client: Client, used: Team) -> None:
    asked = {"month": "2026-03", "prefix": "", "claims": "1"}
    text = b"".join(admin_client.get("/admin/console/chargeback.csv", asked)).decode()
    rows = list(csv.DictReader(text.splitlines()))
    by_tag = {row["tag"]: row for row in rows}
    assert Decimal(by_tag["project:a"]["cost_usd"]) == 7
    assert (by_tag["'=night"]["claimed"], by_tag["ci"]["claimed"]) == ("yes", "")
    assert (rows[-1]["kind"], rows[-1]["requests"], Decimal(rows[-1]["cost_usd"])) == ("whole", "4", Decimal(10))
    content = b"".join(admin_client.get("/admin/console/chargeback.xlsx", asked))
    sheet = ZipFile(BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert ">7</v>" in sheet
    assert AuditEntry.objects.filter(action="usage exported").count() == 2
