"""The URLs under /my/. `admin` is their app's namespace as well, because unfold's templates link to `admin:logout`."""

from __future__ import annotations

from django.urls import path, re_path

from proxysite.my import home, invite, keys, requests, routes, team, usage
from proxysite.my.allowances import pages as allowances
from proxysite.my.budgets import asking, statements
from proxysite.my.budgets import pages as budgets
from proxysite.my.live import page as live
from proxysite.my.playground import page as playground
from proxysite.my.site import site
from proxysite.people import passwords

app_name = "admin"
view = site.admin_view
urlpatterns = [
    path("", view(home.page), name="index"),
    path("keys/", view(keys.list_page), name="keys"),
    path("keys/add/", view(keys.add_page), name="key-add"),
    path("keys/<int:key_id>/", view(keys.page), name="key"),
    path("keys/<int:key_id>/secret/", view(keys.secret_page), name="key-secret"),
    path("keys/<int:key_id>/copied/", view(keys.copied), name="key-copied"),
    path("keys/<int:key_id>/newest/", view(keys.newest), name="key-newest"),
    path("keys/<int:key_id>/<slug:action>/", view(keys.action_page), name="key-action"),
    path("usage/", view(usage.page), name="usage"),
    path("requests/", view(requests.list_page), name="requests"),
    path("requests/<uuid:row_id>/", view(requests.page), name="request"),
    path("live/", view(live.page), name="live"),
    path("live/<uuid:row_id>/cut/", view(live.cut_page), name="live-cut"),
    path("routes/", view(routes.page), name="routes"),
    path("playground/", view(playground.page), name="playground"),
    path("playground/token/", view(playground.token), name="playground-token"),
    path("playground/row/", view(playground.row), name="playground-row"),
    path("budgets/", view(budgets.page), name="budgets"),
    path("budgets/<int:budget_id>/ask/", view(asking.ask_page), name="budget-ask"),
    path("increases/<int:increase_id>/withdraw/", view(asking.withdraw), name="increase-withdraw"),
    path("increases/<int:increase_id>/approve/", view(asking.approve), name="increase-approve"),
    path("increases/<int:increase_id>/decline/", view(asking.decline), name="increase-decline"),
    path("teams/<int:team_id>/", view(team.page), name="team"),
    path("teams/<int:team_id>/budgets/", view(budgets.team_page), name="team-budgets"),
    path("teams/<int:team_id>/budgets/set/", view(allowances.page), name="team-allowances"),
    path("teams/<int:team_id>/budgets/add/", view(allowances.add_budget_page), name="team-budget-add"),
    path("teams/<int:team_id>/budgets/<int:budget_id>/", view(allowances.budget_page), name="team-budget-change"),
    path(
        "teams/<int:team_id>/budgets/<int:budget_id>/remove/",
        view(allowances.remove_budget_page),
        name="team-budget-remove",
    ),
    path("teams/<int:team_id>/budgets/limits/add/", view(allowances.add_limit_page), name="team-limit-add"),
    path("teams/<int:team_id>/budgets/limits/<int:limit_id>/", view(allowances.limit_page), name="team-limit-change"),
    path(
        "teams/<int:team_id>/budgets/limits/<int:limit_id>/remove/",
        view(allowances.remove_limit_page),
        name="team-limit-remove",
    ),
    path("teams/<int:team_id>/statements/", view(statements.list_page), name="team-statements"),
    path("teams/<int:team_id>/statements/<int:number>/", view(statements.page), name="team-statement"),
    path("teams/<int:team_id>/statements/<int:number>.pdf", view(statements.paper), name="team-statement-pdf"),
    path("teams/<int:team_id>/usage/", view(usage.team_page), name="team-usage"),
    path("teams/<int:team_id>/requests/", view(requests.team_page), name="team-requests"),
    path("teams/<int:team_id>/invite/", view(invite.page), name="invite"),
    path("teams/<int:team_id>/invitations/<int:invitation_id>/", view(invite.link_page), name="invitation"),
    path("teams/<int:team_id>/invitations/<int:invitation_id>/copied/", view(invite.copied), name="invitation-copied"),
    path("teams/<int:team_id>/invitations/<int:invitation_id>/revoke/", view(invite.revoke), name="invitation-revoke"),
    path("teams/<int:team_id>/keys/add/", view(team.add_key_page), name="team-key-add"),
    path("teams/<int:team_id>/members/<int:membership_id>/remove/", view(team.remove_page), name="member-remove"),
    path("login/", site.login, name="login"),
    path("logout/", view(site.logout), name="logout"),
    path("password_change/", passwords.own(site), name="password_change"),
    path("password_change/done/", view(site.password_change_done), name="password_change_done"),
    # Unfold's frame wants a search to link to. There is none.
    path("search/", view(site.catch_all_view), {"url": "search/"}, name="search"),
    re_path(r"(?P<url>.*)$", view(site.catch_all_view)),
]
