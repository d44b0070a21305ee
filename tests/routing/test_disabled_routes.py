"""The name of a route that is switched off is refused with the route's name, unless a setting says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from access.keys import Keys
from routing.decision import RouteDisabled, RouteForbidden
from routing.loading.load import load_snapshot
from routing.models import Route
from tests.routing.builders import chosen_by, decide, facts_of, make_facts, make_snapshot, restricted, route

SNAPSHOT = make_snapshot(
    route("fast"),
    route("other"),
    default="fast",
    aliases={"gpt-4*": "opus", "gpt-*": "other", "old-*": "opus"},
    disabled=("opus", "fast[1m]"),
)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("opus", "opus"),
        # As clients write it, and by an alias that leads nowhere else.
        ("opus[1m]", "opus"),
        ("opus-20261021", "opus"),
        ("opus-latest[1m]", "opus"),
        ("old-one", "opus"),
        ("old-one[1m]", "opus"),
        # The exact name counts, as it does for a route that is switched on.
        ("fast[1m]", "fast[1m]"),
    ],
)
def test_it_is_refused_with_its_name(name: str, named: str) -> None:
    with pytest.raises(RouteDisabled) as refused:
        decide(make_facts(name), SNAPSHOT)
    assert refused.value.message == (
        f"The route '{named}' is switched off. The client key sk-px-ab… of the team 'red' may use: fast, other. "
        "Ask an administrator of this gateway to switch it on."
    )
    assert refused.value.why == f"The route '{named}' is switched off."
    assert refused.value.explained()["reasons"][-1] == ["name", f"it names {named}, which is switched off"]


def test_a_tag_that_names_it_is_refused_too() -> None:
    known = facts_of({"model": "fast", "system": "<CCR-SUBAGENT-MODEL>opus</CCR-SUBAGENT-MODEL>", "messages": []})
    with pytest.raises(RouteDisabled):
        decide(known, SNAPSHOT)


def test_a_name_that_still_leads_somewhere_is_answered() -> None:
    # The first alias leads to the route that is switched off, the second to one that is not.
    assert chosen_by(make_facts("gpt-4o"), SNAPSHOT) == ("name", "other")


def test_an_unknown_name_means_nothing_as_before() -> None:
    assert chosen_by(make_facts("unknown"), SNAPSHOT) == ("default_route", "fast")


def test_a_key_that_may_not_use_it_learns_no_more_than_before() -> None:
    with pytest.raises(RouteForbidden):
        decide(make_facts("opus"), SNAPSHOT, restricted("fast"))


@pytest.mark.django_db
def test_the_setting_lets_it_fall_through(settings: Any) -> None:
    Route.objects.create(name="off", enabled=False)
    Route.objects.create(name="on")
    assert load_snapshot({}, Keys()).disabled_routes == {"off"}
    settings.DISABLED_ROUTES = "default"
    assert load_snapshot({}, Keys()).disabled_routes == frozenset()
