"""The first page of a member: their figures, keys and limits, and what failed last."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from access.outbox.alerts import own_alerts
from proxysite.my import contacts, keys, limits, requests, scope, usage
from proxysite.my.budgets import asking, shown
from proxysite.my.site import page as render
from usage.last_use import with_last_use
from usage.reports import ending, query

_FAILURES = 5


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Shows the page."""
    person = scope.person_of(request)
    memberships = scope.memberships(person)
    own = keys.described(with_last_use(scope.own_keys(person).filter(revoked_at=None)))
    return render(
        request,
        "my/home.html",
        "My gateway",
        memberships=memberships,
        alerts=own_alerts(person),
        may_add=bool(scope.teams_for_keys(person, memberships)),
        keys=own,
        cards=usage.cards(*(usage.own(person, period) for period in (query.last_days(1), query.this_month()))),
        failures=requests.failures(scope.own_requests(person, requests.FAILURE_DAYS), _FAILURES),
        outcomes=ending.VARIANTS,
        contacts=contacts.for_teams(person, [one.team_id for one in memberships]),
        limits=limits.of_gateway(),
        budgets=shown.of_person(person),
        to_decide=asking.to_decide(person),
        answered=asking.answered(person),
    )
