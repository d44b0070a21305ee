"""How a lead's pages of budgets and limits ask the database, and what an administrator finds there who leads a team."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.models import Budget, RateLimit
from access.roles.giving import set_role
from tests.my.lead_pages import BUDGET, Lead
from tests.my.people import Group, make_group, make_key

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def blue() -> Group:
    """A team of a lead and two members, with a key each and a service key."""
    return make_group("blue")


def test_an_administrator_who_leads_a_team_changes_its_own_pool_in_the_admin_alone(blue: Group) -> None:
    set_role(blue.people["lea"], "administrator")
    lead = Lead(blue)
    pool = Budget.objects.create(team=blue.team, amount=5)
    limit = RateLimit.objects.create(team=blue.team, measure="requests", most=5)
    for path in (f"{pool.pk}/", f"limits/{limit.pk}/"):
        assert lead.status(path) == lead.status(f"{path}remove/") == {404}
        assert f'{lead.base}{path}"' not in blue.browser("lea").get(f"{lead.base}set/").content.decode()
    # What administrators set for a key, they change here as well.
    own = Budget.objects.create(key=blue.keys["mia"], amount=5)
    assert f'{lead.base}{own.pk}/"' in blue.browser("lea").get(f"{lead.base}set/").content.decode()
    lead.send(f"{own.pk}/", **{**BUDGET, "amount": "4"})
    own.refresh_from_db()
    assert (own.amount, own.leads_may_change) == (Decimal(4), False)


@pytest.mark.parametrize("is_right", [True, False], ids=["saved", "mistaken"])
def test_other_writes_wait_for_the_check_and_the_save_and_not_for_the_page(blue: Group, is_right: bool) -> None:
    Budget.objects.create(team=blue.team, amount=100)
    lead = Lead(blue)
    lead.see()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        lead.send("add/", **BUDGET, amount="50" if is_right else "0")
    statements = [query["sql"] for query in asked.captured_queries]
    locked = next(number for number, sql in enumerate(statements) if "access_audithead" in sql)
    (savepoint,) = re.findall(r"^SAVEPOINT (\S+)", statements[locked - 1])
    free = statements.index(f"RELEASE SAVEPOINT {savepoint}")
    list_of_all = re.compile(r'FROM "access_budget" .*ORDER BY "access_clientkey"."name"')
    lists = [number for number, sql in enumerate(statements) if list_of_all.search(sql)]
    assert bool(Budget.objects.filter(members_of=blue.team)) is is_right
    assert [number for number in lists if locked < number < free] == []
    assert lists[-1] > free


def test_a_longer_list_asks_no_more(blue: Group) -> None:
    lead = Lead(blue)
    lead.see()

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            lead.see()
        return len(asked.captured_queries)

    def add(name: str) -> None:
        """For each member and for two keys, some of them what leads may change."""
        Budget.objects.create(members_of=blue.team, amount=5, model_names=name, leads_may_change=True)
        Budget.objects.create(members_of=blue.team, amount=5, model_names=f"{name}-b")
        for number in range(2):
            key = make_key(blue.team, f"{name}-{number}")
            Budget.objects.create(key=key, amount=5, leads_may_change=number == 0)
            RateLimit.objects.create(key=key, measure="requests", most=5, leads_may_change=number == 0)

    RateLimit.objects.create(members_of=blue.team, measure="requests", most=5)
    Budget.objects.create(user=blue.people["max"], amount=7, model_names="first")
    add("first")
    few = queries()
    for name in ("second", "third", "fourth"):
        add(name)
    for measure in ("models", "count_tokens"):
        RateLimit.objects.create(members_of=blue.team, measure=measure, most=5)
    assert queries() == few
    assert "A budget of their own, which an administrator set, counts instead for blue-max." in lead.see()
