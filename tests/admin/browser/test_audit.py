"""The audit in a browser: what somebody did is found, and every page fits a phone and a desk."""

from __future__ import annotations

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from access.models import AuditEntry, Team
from tests.admin.browser.conftest import log_in
from tests.harness.configure import unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows

pytestmark = pytest.mark.clients
_WIDER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_the_pages_fit(browser: WebDriver, gateway: Gateway, administrator: str, orm: Rows) -> None:
    team = Team.objects.create(name=unique("renamed"))
    team.name, team.notes = unique("new-name"), "a note " * 40
    team.save()
    log_in(browser, gateway, administrator)
    entry = AuditEntry.objects.filter(object_type="access.team", object_id=str(team.pk)).latest("number")
    base = f"{gateway.base_url}/admin/access"
    pages = (f"{base}/auditentry/", f"{base}/auditentry/{entry.pk}/change/", f"{base}/team/{team.pk}/history/")
    for theme in ("light", "dark"):
        browser.execute_script("localStorage.setItem('adminTheme', JSON.stringify(arguments[0]))", theme)
        for width in (1440, 390):
            metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            for page in pages:
                browser.get(page)
                assert team.name in str(browser.execute_script("return document.body.innerText")), page
                assert browser.execute_script(_WIDER) <= 0, (page, width)
    team.delete()
