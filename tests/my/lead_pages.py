"""A lead's browser on the pages that set budgets and limits of members and keys."""

from __future__ import annotations

import re
from typing import Any

from tests.admin.pages import text_of
from tests.my.people import Group

BUDGET = {"binds": "members", "period": "month", "week_starts": "0", "model_names": "", "hard": "on", "enabled": "on"}
LIMIT = {"binds": "members", "measure": "requests", "per": "minute", "most": "60"}


class Lead:
    """The lead's browser on the pages of the team."""

    def __init__(self, group: Group) -> None:
        self._browser = group.browser("lea")
        self.base = f"/my/teams/{group.team.pk}/budgets/"

    def see(self, path: str = "set/") -> str:
        page = self._browser.get(self.base + path)
        assert page.status_code == 200, path
        return text_of(page)

    def send(self, path: str, **form: Any) -> Any:
        return self._browser.post(self.base + path, form, follow=True)

    def errors(self, path: str, **form: Any) -> dict[str, str]:
        """What stands beside which field."""
        page = self.send(path, **form)
        assert page.redirect_chain == [], "it was saved"
        shown = page.content.decode()
        found = {name: str(errors[0]) for name, errors in page.context["form"].errors.items()}
        assert all(re.sub("'", "&#x27;", error) in shown for error in found.values())
        return found

    def status(self, path: str) -> set[int]:
        return {self._browser.get(self.base + path).status_code, self._browser.post(self.base + path).status_code}
