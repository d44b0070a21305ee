"""Whatever limits and budgets there are: a file brings the same ones to an empty gateway and to one that has others."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from access.allowances.models import MOST_DOLLARS
from access.models import Budget, ClientKey, Membership, RateLimit, Team
from configuration.apply.import_configuration import import_configuration
from configuration.apply.import_report import ImportReport
from configuration.file.exporting import export_text
from configuration.file.reading import read_text

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

# Each example is rolled back by itself. Nothing is made smaller: each try costs a configuration.
EXAMPLES = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SOME = settings(EXAMPLES, max_examples=8)

_LARGEST = 2**63 - 1
SUBJECTS = st.tuples(st.sampled_from(["key", "user", "team", "members_of"]), st.integers(0, 1))
"""Whom a definition binds: which field, and which of two."""
_MEASURES = ["requests", "input_tokens", "output_tokens", "count_tokens", "models"]
KINDS = st.tuples(st.sampled_from(_MEASURES), st.sampled_from(["minute", "day"])) | st.just(("streams", "once"))
LIMITS = st.dictionaries(
    st.tuples(SUBJECTS, KINDS), st.integers(1, _LARGEST) | st.sampled_from([1, _LARGEST]), max_size=12
)

CENTS = st.integers(1, MOST_DOLLARS * 100) | st.sampled_from([1, 10, MOST_DOLLARS * 100])
MODELS = st.lists(
    st.sampled_from(["claude-*", "gpt-5", "1e5", "no", "vendor/model:beta", "*"]), max_size=3, unique=True
)
PERIODS = st.tuples(st.just("week"), st.integers(0, 6)) | st.sampled_from([("day", 0), ("month", 0), ("total", 0)])
BUDGETS = st.lists(st.tuples(SUBJECTS, PERIODS, MODELS.map(tuple), st.booleans(), st.booleans(), CENTS), max_size=8)
"""Whom, period and first day of the week, models, hard, on, cents. Of one kind there may be several."""

Limits = dict[tuple[tuple[str, int], tuple[str, str]], int]
Budgets = list[tuple[tuple[str, int], tuple[str, int], tuple[str, ...], bool, bool, int]]
Site = dict[str, list[Any]]


def make_site() -> Site:
    """Two teams in different zones, each with a member and a key of hers."""
    site: Site = {"key": [], "user": [], "team": []}
    for number, zone in enumerate(("", "America/New_York")):
        user = User.objects.create_user(f"person-{number}")
        team = Team.objects.create(name=f"team {number}", time_zone=zone)
        Membership.objects.create(team=team, user=user)
        key = ClientKey.objects.create(team=team, owner=user, name="key", prefix="sk-px-abcd", hash=str(number) * 64)
        for kind, row in (("key", key), ("user", user), ("team", team)):
            site[kind].append(row)
    return site | {"members_of": site["team"]}


def make_limits(site: Site, limits: Limits) -> None:
    for ((whom, which), (measure, per)), most in limits.items():
        RateLimit.objects.create(**{whom: site[whom][which]}, measure=measure, per=per, most=most)


def make_budgets(site: Site, budgets: Budgets) -> None:
    for (whom, which), (period, week_starts), models, hard, enabled, cents in budgets:
        Budget.objects.create(
            **{whom: site[whom][which]},
            amount=Decimal(cents) / 100,
            period=period,
            week_starts=week_starts,
            model_names="\n".join(models),
            hard=hard,
            enabled=enabled,
        )


_WHOM = ("key__team", "user", "team", "members_of")


def limits_here() -> Limits:
    """The limits that are there, by whom they bind."""
    rows = RateLimit.objects.select_related(*_WHOM)
    return {((row.whom, _number(row)), (row.measure, row.per)): row.most for row in rows}


def budgets_here() -> Counter[Any]:
    """How often each budget is there."""
    return Counter(
        (
            *((row.whom, _number(row)), (row.period, row.week_starts), tuple(row.model_names.split())),
            *(row.hard, row.enabled, int(row.amount * 100)),
        )
        for row in Budget.objects.select_related(*_WHOM)
    )


def _number(row: RateLimit | Budget) -> int:
    whom: Any = getattr(row, row.whom)
    return int(str(whom.team if row.whom == "key" else whom)[-1])


def wipe() -> None:
    User.objects.all().delete()
    Team.objects.all().delete()


def write(text: str) -> ImportReport:
    return import_configuration(read_text(text), write=True)


@EXAMPLES
@given(limits=LIMITS, budgets=BUDGETS)
def test_a_file_brings_them_to_an_empty_gateway(limits: Limits, budgets: Budgets) -> None:
    with transaction.atomic():
        site = make_site()
        make_limits(site, limits)
        make_budgets(site, budgets)
        text = export_text(with_keys=True, with_people=True)
        wipe()
        assert (limits_here(), budgets_here()) == ({}, Counter())
        write(text)
        assert (limits_here(), budgets_here()) == (limits, Counter(budgets))
        assert export_text(with_keys=True, with_people=True) == text
        transaction.set_rollback(True)


@SOME
@given(limits=LIMITS, budgets=BUDGETS, other_limits=LIMITS, other_budgets=BUDGETS)
def test_a_file_replaces_others_and_a_second_import_changes_nothing(
    limits: Limits, budgets: Budgets, other_limits: Limits, other_budgets: Budgets
) -> None:
    with transaction.atomic():
        site = make_site()
        make_limits(site, limits)
        make_budgets(site, budgets)
        text = export_text(with_keys=True, with_people=True)
        RateLimit.objects.all().delete()
        Budget.objects.all().delete()
        make_limits(site, other_limits)
        make_budgets(site, other_budgets)
        write(text)
        assert (limits_here(), budgets_here()) == (limits, Counter(budgets))
        before = [set(kind.objects.values_list("pk", "created_at")) for kind in (RateLimit, Budget)]
        assert set(write(text).count()) == {"same"}
        assert [set(kind.objects.values_list("pk", "created_at")) for kind in (RateLimit, Budget)] == before
        transaction.set_rollback(True)
