"""Which budgets of a lead are of one kind, and how many there may be."""

from __future__ import annotations

import pytest

from access.models import Budget
from proxysite.my.allowances.forms import MOST_IN_TEAM, MOST_OF_ONE
from tests.my.lead_pages import BUDGET, Lead
from tests.my.people import Group, make_group, make_key

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def blue() -> Group:
    """A team of a lead and two members, with a key each and a service key."""
    return make_group("blue")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"model_names": "gpt-*\nclaude-*"}, {"model_names": "claude-*\ngpt-*"}),
        ({"week_starts": 1}, {"week_starts": 2}),
        ({"period": "day", "week_starts": 1}, {"period": "day", "week_starts": 2}),
    ],
)
def test_one_kind_however_it_is_written(blue: Group, first: dict[str, object], second: dict[str, object]) -> None:
    Budget.objects.create(members_of=blue.team, amount=5, leads_may_change=True, **first)
    errors = Lead(blue).errors("add/", **{**BUDGET, "amount": "20", **second})
    assert errors == {"period": "There is a budget of this kind already. Change that one."}


def test_weeks_that_begin_on_other_days_are_two_kinds(blue: Group) -> None:
    Budget.objects.create(members_of=blue.team, amount=5, period="week", week_starts=1, leads_may_change=True)
    Lead(blue).send("add/", **{**BUDGET, "amount": "20", "period": "week", "week_starts": "2"})
    assert sorted(Budget.objects.filter(members_of=blue.team).values_list("week_starts", flat=True)) == [1, 2]


def test_a_key_has_an_end_of_them_and_what_an_administrator_sets_does_not_count(blue: Group) -> None:
    key, lead = blue.keys["mia"], Lead(blue)
    many = [Budget(key=key, amount=5, model_names=f"m{number}") for number in range(MOST_OF_ONE)]
    Budget.objects.bulk_create(many)
    lead.send("add/", **{**BUDGET, "binds": key.pk, "amount": "20"})
    made = Budget.objects.get(key=key, leads_may_change=True)
    Budget.objects.filter(key=key).update(leads_may_change=True)
    other = {**BUDGET, "binds": key.pk, "amount": "20", "period": "day"}
    words = f"There are {MOST_OF_ONE + 1} budgets of the key {key}. At most {MOST_OF_ONE} may be set: remove one."
    assert lead.errors("add/", **other) == {"binds": words}
    # Those that are there may be changed.
    lead.send(f"{made.pk}/", **{**BUDGET, "amount": "30"})
    made.refresh_from_db()
    assert made.amount == 30
    lead.send("add/", **{**BUDGET, "amount": "20"})
    assert Budget.objects.filter(members_of=blue.team).exists()


def test_a_team_has_an_end_of_them(blue: Group) -> None:
    keys = [make_key(blue.team, f"ci-{number}") for number in range(MOST_IN_TEAM // MOST_OF_ONE)]
    Budget.objects.bulk_create(
        Budget(key=key, amount=5, model_names=f"m{number}", leads_may_change=True)
        for key in keys
        for number in range(MOST_OF_ONE)
    )
    words = f"There are {MOST_IN_TEAM} budgets inside blue. At most {MOST_IN_TEAM} may be set: remove one."
    assert Lead(blue).errors("add/", **BUDGET, amount="20") == {"binds": words}


def test_a_list_of_models_has_an_end(blue: Group) -> None:
    names = "\n".join(f"m{number}" for number in range(51))
    errors = Lead(blue).errors("add/", **{**BUDGET, "amount": "20", "model_names": names})
    assert errors == {"model_names": "Write at most 50 names. A pattern stands for several."}
