"""A configuration file in the browser: chosen, looked at on the page of its job, which is left and found, applied."""

from __future__ import annotations

from playwright.sync_api import Page

from access.models import Team
from access.roles.table import Role
from tests.browser import axe
from tests.browser.layout import each_look, sticking_out
from tests.browser.steps import leave, press, shows, sign_in
from tests.browser.visits import Visits
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.permissions.people import person

FILE = b"version: 1\nteams:\n- name: Research\n  notes: new\n- name: Sales\n"
PATHS = ("/admin/console/configuration/", "/admin/console/state/", "/admin/console/health/", "/admin/console/jobs/")


def test_a_file_is_imported(visits: Visits, visitor: Page, own_database: Rows) -> None:
    owner = person(Role.OWNER)
    owner.set_password(PASSWORD)
    owner.save()
    gateway = Gateway("configuration-file").start()
    try:
        sign_in(visitor, gateway, owner.username)
        visitor.goto(f"{gateway.base_url}{PATHS[0]}")
        visitor.locator("[name=file]").set_input_files(
            {"name": "no-text.yaml", "mimeType": "application/yaml", "buffer": b"\xff"}
        )
        press(visitor, "Show what it changes")
        shows(visitor, "The file is not UTF-8 text: byte 0 is invalid.")
        visitor.locator("[name=file]").set_input_files(
            {"name": "gateway.yaml", "mimeType": "application/yaml", "buffer": FILE}
        )
        press(visitor, "Show what it changes")
        # The page of the job tells by itself when the differences are there.
        shows(visitor, "2 to create")
        at = visitor.url
        visitor.goto(f"{gateway.base_url}{PATHS[-1]}")
        press(visitor, "Import a configuration file no.")
        visitor.wait_for_url(at)
        found = {
            look: wrong
            for look in each_look(visitor, gateway, [at.removeprefix(gateway.base_url)])
            if (wrong := [*sticking_out(visitor), *axe.serious(visitor)])
        }
        assert found == {}
        press(visitor, "Apply these changes")
        shows(visitor, "2 created")
        assert sorted(Team.objects.values_list("name", flat=True)) == ["Research", "Sales"]
        found = {
            look: wrong
            for look in each_look(visitor, gateway, list(PATHS))
            if (wrong := [*sticking_out(visitor), *axe.serious(visitor)])
        }
        assert found == {}
        assert visits.complaints == []
        leave(visitor)
    finally:
        gateway.stop()
