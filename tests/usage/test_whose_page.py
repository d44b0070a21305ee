"""A request's page says whose it is, and the list is filtered by it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.admin.history import request_row
from tests.admin.pages import links_of, staff, text_of
from usage.admin.filters import rows_url

pytestmark = pytest.mark.django_db


def _page(browser: Client, row: object) -> tuple[str, dict[str, str]]:
    response = browser.get(reverse("admin:usage_requestlog_change", args=[row]))
    assert response.status_code == 200
    return text_of(response), links_of(response)


def test_a_requests_page_says_whose_it_is(admin_client: Client) -> None:
    owner = User.objects.create(username="mia")
    row = request_row(
        owner_id=owner.pk, owner_name="mia", tags=["ci", "claimed:project-x"], client_name="claude-cli",
        client_version="2.1.332", client="claude-cli/2.1.332 (external, cli)", end_user="jane", agent_type="Explore",
        routing_revision=17, access_revision=4, sentence_code="provider_error",
        decision={"ignored_tags": {"not_allowed": 2}},
    )  # fmt: skip
    text, links = _page(admin_client, row)
    assert links["mia"] == reverse("admin:auth_user_change", args=[owner.pk])
    assert "ci, project-x (claimed by the client)" in text
    assert "Tags ignored 2 not allowed" in text
    for shown in (
        "claude-cli 2.1.332",
        "jane",
        "Explore",
        "User agent claude-cli/2.1.332 (external, cli)",
        "routing revision 17, teams and keys revision 4",
    ):
        assert shown in text
    assert "provider_error" in text
    assert "Decision" not in text


def test_what_is_not_known_is_not_made_up(admin_client: Client) -> None:
    text, _ = _page(admin_client, request_row())
    assert not [label for label in ("Owner", "Tags", "Decided by", "End user") if label in text]


def test_an_owner_who_is_gone_or_not_to_be_seen_has_no_link(admin_client: Client) -> None:
    gone, there = request_row(owner_id=10**9, owner_name="leo"), User.objects.create(username="mia")
    text, links = _page(admin_client, gone)
    assert "leo" in text
    assert "leo" not in links
    text, links = _page(staff("usage.view_requestlog"), request_row(owner_id=there.pk, owner_name="mia"))
    assert "mia" in text
    assert "mia" not in links


def test_the_list_is_filtered_by_owner_and_by_client(admin_client: Client) -> None:
    request_row(request_id="a", owner_id=1, owner_name="mia", client_name="claude-cli")
    request_row(request_id="b", owner_id=2, owner_name="leo", client_name="curl")
    request_row(request_id="c")

    def listed(url: str) -> list[str]:
        return sorted(row.request_id for row in admin_client.get(url).context["rows"])

    assert listed(rows_url(owner=1)) == ["a"]
    assert listed(rows_url(owner=None)) == ["c"]
    assert listed(rows_url(client="curl")) == ["b"]
    assert listed(rows_url(client="")) == ["c"]
    assert "leo" in text_of(admin_client.get("/admin/usage/requestlog/choices/?of=owner"))
