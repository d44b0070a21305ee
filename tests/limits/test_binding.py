"""Which limits bind which key, and where their days begin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from access.allowances.days import day_ends
from access.key_records import load_keys
from access.models import ClientKey, Membership, RateLimit, Team
from tests.permissions.people import a_key

HOUR = 3600


def limit(most: int, measure: str = "requests", per: str = "minute", **whom: Any) -> RateLimit:
    return RateLimit.objects.create(measure=measure, per=per, most=most, **whom)


def binding(key: ClientKey) -> list[tuple[str, int]]:
    return sorted((one.whom, one.most) for one in load_keys()[key.hash].limits)


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="red", time_zone="Asia/Tokyo")


def member(team: Team, name: str) -> User:
    user = User.objects.create_user(name)
    Membership.objects.create(team=team, user=user)
    return user


@pytest.mark.both_databases
def test_a_key_is_bound_by_its_own_its_owners_its_teams_and_the_members_limits(team: Team) -> None:
    mia, leo = member(team, "mia"), member(team, "leo")
    of_mia, of_leo, service, other = a_key("red", mia), a_key("red", leo), a_key("red"), a_key("blue")
    limit(1, key=of_mia)
    limit(2, user=leo, measure="input_tokens")
    limit(3, team=team)
    limit(4, members_of=team)
    assert binding(of_mia) == [("key", 1), ("member", 4), ("team", 3)]
    assert binding(of_leo) == [("member", 4), ("team", 3), ("user", 2)]
    # A service key is nobody's.
    assert binding(service) == [("team", 3)]
    assert binding(other) == []


def test_a_persons_own_limit_replaces_the_members_one_of_the_same_measure_and_period(team: Team) -> None:
    mia = member(team, "mia")
    key = a_key("red", mia)
    limit(10, members_of=team)
    limit(20, members_of=team, per="day")
    limit(30, members_of=team, measure="input_tokens")
    limit(99, user=mia)
    assert binding(key) == [("member", 20), ("member", 30), ("user", 99)]


def test_each_member_is_counted_by_themselves_and_all_keys_of_one_together(team: Team) -> None:
    mia, leo = member(team, "mia"), member(team, "leo")
    keys = [a_key("red", mia), a_key("red", mia), a_key("red", leo)]
    limit(4, members_of=team)
    shared = limit(3, team=team)
    loaded = [load_keys()[key.hash].limits for key in keys]
    first, second, others = ({one.cell for one in limits if one.id != shared.pk} for limits in loaded)
    assert first == second != others
    assert len({one.cell for limits in loaded for one in limits if one.id == shared.pk}) == 1


@pytest.mark.both_databases
def test_limits_are_loaded_with_a_constant_number_of_queries(team: Team, django_assert_num_queries: Any) -> None:
    def more(number: int) -> None:
        for n in range(number):
            mia = member(team, f"mia {User.objects.count()}")
            limit(n + 1, key=a_key("red", mia))
            limit(n + 1, user=mia)

    more(2)
    limit(3, team=team)
    with django_assert_num_queries(3):
        load_keys()
    more(5)
    with django_assert_num_queries(3):
        load_keys()


def test_the_days_of_a_person_are_the_sites_and_all_others_the_teams(team: Team, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    mia = member(team, "mia")
    key = a_key("red", mia)
    limit(1, key=key, per="day")
    limit(1, user=mia, per="day")
    limit(1, team=team, per="day")
    limit(1, members_of=team, measure="models", per="day")
    zones = {one.whom: one.zone for one in load_keys()[key.hash].limits}
    assert zones == {"key": "Asia/Tokyo", "user": "America/New_York", "team": "Asia/Tokyo", "member": "Asia/Tokyo"}
    Team.objects.update(time_zone="")
    assert {one.zone for one in load_keys()[key.hash].limits} == {"America/New_York"}


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_a_day_ends_at_midnight_of_its_zone_however_long_it_is(day: tuple[int, int, int], hours: int) -> None:
    begins = datetime(*day, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    ends = begins + hours * HOUR
    assert [day_ends("Europe/Berlin", moment) for moment in (begins, begins + 5 * HOUR, ends - 1)] == [ends] * 3
    assert day_ends("Europe/Berlin", ends) > ends
    assert day_ends("UTC", datetime(*day, 12, tzinfo=UTC).timestamp()) == datetime(*day, tzinfo=UTC).timestamp() + 86400


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"team": True, "members_of": True},
        {"team": True, "measure": "streams"},
        {"team": True, "per": "once"},
    ],
)
def test_the_database_refuses_limits_of_nobody_of_two_and_with_a_period_that_is_none(
    team: Team, wrong: dict[str, Any]
) -> None:
    fields = {name: team if value is True else value for name, value in wrong.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        RateLimit.objects.create(**{"measure": "requests", "per": "minute", "most": 1, **fields})


@pytest.mark.both_databases
def test_there_is_one_limit_of_a_kind_for_each(team: Team) -> None:
    limit(1, team=team)
    limit(1, members_of=team)
    limit(1, team=team, per="day")
    with pytest.raises(IntegrityError), transaction.atomic():
        limit(2, team=team)
