"""The first page of a member: their figures, keys and limits, and what failed last."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from access.outbox.alerts import own_alerts
from proxysite.my import contacts, keys, limits, requests, scope, usage
from proxysite.my.budgets import asking, shown
from proxysite.my.site import page as render
from usage.budgets.increases import alerts as increase_alerts
from usage.last_use import with_last_use
from usage.reports import ending, query

_FAILURES = 5


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Shows the page."""
    person = scope.person_of(request)
    memberships = scope.memberships(person)
    rows = scope.own_keys(person).filter(revoked_at=None)
    own = keys.described(with_last_use(rows))
    to_decide = asking.to_decide(person)
    listed = {increase_alerts.once_of(one.row) for one in to_decide}
    return render(
        request,
        "my/home.html",
        "My gateway",
        memberships=memberships,
        alerts=[one for one in own_alerts(person) if one.once not in listed],
        may_add=bool(scope.teams_for_keys(person, memberships)),
        keys=own,
        cards=usage.cards(*(usage.own(person, period) for period in (query.last_days(1), query.this_month()))),
        failures=requests.failures(scope.own_requests(person, requests.FAILURE_DAYS), _FAILURES),
        outcomes=ending.VARIANTS,
        contacts=contacts.for_teams(person, [one.team_id for one in memberships]),
        limits=limits.rates_of_person(rows.select_related("team", "owner")),
        budgets=shown.of_person(person),
        to_decide=to_decide,
        answered=asking.answered(person),
    )
