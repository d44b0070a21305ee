"""Whose a key is: that of the member of its team who is known here by the e-mail or name of LiteLLM's user."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth import get_user_model
from django.db.models import Model

from access.models import Membership


class Owners:
    """The members of all teams, by team and by each name in lower case, and the names of disabled accounts."""

    def __init__(self, users: Mapping[str, list[str]]) -> None:
        self._users = users
        self._members: dict[tuple[int, str], int] = {}
        for membership in Membership.objects.select_related("user").order_by("-pk"):
            if membership.user.is_active:
                for name in _names(membership.user):
                    self._members[membership.team_id, name] = membership.user.pk
        self._people: dict[str, tuple[int, str]] = {}
        for person in get_user_model()._default_manager.filter(is_active=True).order_by("-pk"):
            self._people |= dict.fromkeys(_names(person), (person.pk, person.get_username()))
        disabled = get_user_model()._default_manager.filter(is_active=False)
        self._disabled = {name for person in disabled for name in _names(person)}

    def owner(self, team: int, user: str) -> int | None:
        """Returns the id of the person, or None: then the key is a service key of the team."""
        found = (self._members.get((team, name)) for name in self._names_of(user))
        return next((owner for owner in found if owner is not None), None)

    def person(self, user: str) -> tuple[int, str] | None:
        """Returns the id and the user name of the person here who is LiteLLM's user, a member of a team or not."""
        return next((self._people[name] for name in self._names_of(user) if name in self._people), None)

    def is_disabled(self, user: str) -> bool:
        """Returns whether LiteLLM's user has an account here that is disabled."""
        return any(name in self._disabled for name in self._names_of(user))

    def _names_of(self, user: str) -> list[str]:
        return [name.lower() for name in self._users.get(user, [user])] if user else []


def _names(person: Model) -> list[str]:
    return [name.lower() for field in ("email", "username") if (name := getattr(person, field))]
