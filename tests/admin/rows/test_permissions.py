"""Lists link to nothing that whoever looks may not see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admin.history import attempt_row, request_row
from tests.admin.pages import staff

pytestmark = pytest.mark.django_db
ATTEMPTS = "/admin/usage/attemptlog/"


def test_attempts_lead_to_their_requests_those_who_may_see_requests() -> None:
    row = request_row()
    attempt_row(row, provider_name="p")
    alone: Any = staff("usage.view_attemptlog")
    page = alone.get(ATTEMPTS)
    assert f"/requestlog/{row}" not in page.content.decode()
    (line,) = page.context["groups"][0]["lines"]
    assert alone.get(line.url).status_code == 200
    both: Any = staff("usage.view_attemptlog", "usage.view_requestlog")
    (line,) = both.get(ATTEMPTS).context["groups"][0]["lines"]
    for url in (line.url, line.who_url, line.sheet_url):
        assert both.get(url).status_code == 200
