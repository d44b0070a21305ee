"""What the tests of this folder stand on: faults of a page are seen, and the ORM works beside the browser."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from access.models import Team
from tests import shards
from tests.browser import axe
from tests.browser.steps import leave, sign_in, sign_in_by_form
from tests.browser.visits import Visits
from tests.harness.configure import unique
from tests.harness.forms import PASSWORD
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def test_what_goes_wrong_on_a_page_is_seen(visits: Visits, visitor: Page, gateway: Gateway) -> None:
    visitor.goto(f"{gateway.base_url}/admin/login/")
    assert visits.complaints == []
    visitor.route("**/broken", lambda route: route.fulfill(status=503, body="<p>Broken"))
    visitor.evaluate("setTimeout(() => undefinedName.field)")
    visitor.evaluate("console.error('in the console')")
    visitor.goto(f"{gateway.base_url}/broken")
    expect(visitor.locator("p")).to_have_text("Broken")
    seen = "\n".join(visits.complaints)
    visits.complaints.clear()
    for words in ("undefinedName is not defined", "in the console", f"503 from {gateway.base_url}/broken"):
        assert words in seen, seen


def test_axe_finds_a_field_without_a_name(visitor: Page) -> None:
    visitor.set_content("<html lang=en><title>Page</title><main><h1>Page</h1><input id=bare></main>")
    (fault,) = axe.serious(visitor)
    assert re.match(r"critical: label \(.+\) in #bare$", fault)
    visitor.evaluate("document.querySelector('input').setAttribute('aria-label', 'Name')")
    assert axe.serious(visitor) == []


def test_two_people_at_once(visits: Visits, gateway: Gateway, administrator: str, orm: Rows) -> None:
    team = Team.objects.create(name=unique("seen"))
    first, second = visits.begin(), visits.begin()
    sign_in(first, gateway, administrator)
    first.goto(f"{gateway.base_url}/admin/access/team/{team.pk}/change/")
    expect(first.locator("[name=name]")).to_have_value(team.name)
    second.goto(f"{gateway.base_url}/admin/access/team/{team.pk}/change/")
    expect(second).to_have_url(re.compile("/admin/login/"))


def test_a_gateway_with_a_database_of_its_own(visitor: Page, own_database: Rows) -> None:
    get_user_model().objects.create_superuser("owner", password=PASSWORD)
    gateway = Gateway("own").start()
    try:
        sign_in_by_form(visitor, gateway, "owner")
        expect(visitor).to_have_url(f"{gateway.base_url}/admin/")
        leave(visitor)
    finally:
        gateway.stop()
    assert get_user_model().objects.get().last_login is not None


def test_each_file_runs_in_one_shard() -> None:
    files = [PurePath(f"flows/test_{number}.py") for number in range(100)]
    first, second = ([file for file in files if shards.is_ours(file, f"{number}/2")] for number in (1, 2))
    assert sorted(first + second) == sorted(files)
    assert min(len(first), len(second)) > 20
    assert all(shards.is_ours(file, "1/1") for file in files)
    assert [part for part in range(4) if shards.is_ours(files[0], "2/2", part)] == [1, 3]


def test_files_whose_weight_is_known_are_shared_out_by_it() -> None:
    folder = Path(shards.__file__).parent
    assert all((folder / name).is_file() for name in (*shards.PARTS, *shards.WEIGHTS))
    (parts,) = shards.PARTS.values()
    loads = [
        part + sum(weight for name, weight in shards.WEIGHTS.items() if shards.is_ours(PurePath(name), f"{number}/2"))
        for number, part in enumerate(parts, 1)
    ]
    assert sum(loads) == sum(parts) + sum(shards.WEIGHTS.values())
    assert max(loads) - min(loads) <= min(shards.WEIGHTS.values())
