"""What each role may do: one table of permissions and roles. Nothing in the database holds a copy of it."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices


class Role(TextChoices):
    """Owner, administrator and auditor are of the whole site; lead and member are of one team."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    LEAD = "lead"
    MEMBER = "member"


SITE_ROLES: Final = (Role.OWNER, Role.ADMINISTRATOR, Role.AUDITOR)
TEAM_ROLES: Final = (Role.LEAD, Role.MEMBER)

SENTENCES: Final[dict[Role, str]] = {
    Role.OWNER: "May do everything, and alone changes users and roles, exports the configuration and allows "
    "environment variables.",
    Role.ADMINISTRATOR: "Sets up providers, models, prices, routes, rules, teams and client keys, closes "
    "statements, compares invoices, and sees all usage.",
    Role.AUDITOR: "Sees everything that is set up and all usage; changes nothing and sends nothing to a provider.",
    Role.LEAD: "Manages the members and client keys of one team, sets budgets and limits for them, sees the team's "
    "usage and budgets, and decides on requests for more.",
    Role.MEMBER: "Has client keys in one team, sees their own usage and what budgets leave, and asks for more.",
}
"""One for each role: pages show them where a role is chosen."""

_MODELS: Final = """
model                    view   add    change delete
access.team              oarlm  oa     oa     oa
access.siterole          oar    o      o      o
access.membership        oarlm  ol     ol     ol
access.invitation        oarl   ol     ol     ol
access.clientkey         oarlm  oalm   oalm   oalm
access.webhook           oar    oa     oa     oa
access.reporttoken       oar    oa     oa     oa
access.increaserequest   oarlm  olm    oal    o
access.ratelimit         oarlm  oal    oal    oal
access.budget            oarlm  oal    oal    oal
providers.provider       oar    oa     oa     oa
providers.credential     oar    oa     oa     oa
providers.model          oar    oa     oa     oa
providers.price          oar    oa     oa     oa
routing.route            oar    oa     oa     oa
routing.candidate        oar    oa     oa     oa
routing.alias            oar    oa     oa     oa
routing.scenarioroute    oar    oa     oa     oa
routing.rule             oar    oa     oa     oa
routing.concept          oar    oa     oa     oa
routing.revision         oar    o      o      o
routing.healthstate      oar    oa     oa     oa
usage.requestlog         oarlm  o      o      o
usage.attemptlog         oarlm  o      o      o
usage.setaside           oar    o      o      oa
usage.usagerollup        oarlm  o      o      o
usage.dailyrollup        oarlm  o      o      o
usage.monthrollup        oarlm  o      o      o
usage.attemptrollup      oar    o      o      o
usage.tagrollup          oarl   o      o      o
usage.clientrollup       oarl   o      o      o
usage.sessionsummary     oarlm  o      o      o
usage.rollupzone         oar    o      o      o
usage.rollupmonth        oar    o      o      o
auth.user                oar    o      o      o
auth.group               oar    o      o      o
auth.permission          oar    o      o      o
admin.logentry           oar    o      o      o
contenttypes.contenttype oar    o      o      o
sessions.session         o      o      o      o
"""
"""A letter for each role: owner, administrator, auditoR, lead, member. A lead's and a member's are for their team, and
a member's for what is their own in it (`scope`). Of limits and budgets a lead's are for those that leads may change."""

_OTHERS: Final = """
access.use_playground    oalm
access.view_auditentry   oar
access.view_alert        oar
access.view_outboxmessage oar
access.change_outboxmessage oa
usage.view_budgetwindow  oarlm
usage.view_budgetblock   oar
usage.view_budgetmark    oar
usage.cut_stream         oal
usage.view_statement     oarl
usage.add_statement      oa
usage.add_savedview      oa
usage.change_savedview   oa
usage.delete_savedview   oa
usage.view_reconciliation oar
usage.add_reconciliation oa
usage.delete_reconciliation oa
providers.use_credential oa
state.view_worker        oar
state.view_job           oar
state.add_job            oa
providers.name_variable  o
"""

_LETTERS: Final = {
    "o": Role.OWNER,
    "a": Role.ADMINISTRATOR,
    "r": Role.AUDITOR,
    "l": Role.LEAD,
    "m": Role.MEMBER,
}


def _table() -> dict[str, frozenset[Role]]:
    (_, *verbs), *lines = (line.split() for line in _MODELS.strip().splitlines())
    cells = []
    for label, *letters in lines:
        app, model = label.split(".")
        cells += [(f"{app}.{verb}_{model}", cell) for verb, cell in zip(verbs, letters, strict=True)]
    cells += [(name, cell) for name, cell in (line.split() for line in _OTHERS.strip().splitlines())]
    return {name: frozenset(_LETTERS[letter] for letter in cell) for name, cell in cells}


ROLES_OF: Final = _table()
"""permission (`app.codename`) -> the roles that have it."""

PERMISSIONS_OF: Final[dict[Role, frozenset[str]]] = {
    role: frozenset(name for name, roles in ROLES_OF.items() if role in roles) for role in Role
}
"""role -> its permissions; a lead's and a member's hold for the objects of their team alone."""
