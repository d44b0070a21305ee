"""Why was my request refused? From home, through the last failures and their rows, to the sentence of the request."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.harness.call import Client, message
from tests.harness.configure import make_key, make_model, make_provider, make_route
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows


def test_why_a_request_was_refused(visitor: Page, owned: Callable[[], Gateway], own_database: Rows) -> None:
    key = make_key()
    route = make_route([make_model(make_provider("anthropic", "http://127.0.0.1:9"))])
    caller = Client(owned().base_url, key.secret)
    empty = [caller.post({**message(route.name), "messages": []}) for _ in range(2)]
    words = empty[0].error(400, "invalid_request_error")
    unknown = caller.post(message("no-such-model"))
    own_database.of_key(key, 3)

    visitor.reload()
    failures = visitor.locator(".gw-failures li")
    expect(failures).to_have_count(2)
    expect(failures.first).to_contain_text("last")
    failures.filter(has_text="400").get_by_role("link", name="2", exact=True).click()

    rows = visitor.locator("tr[data-sheet]")
    expect(rows).to_have_count(2)
    for row in rows.all():
        expect(row).to_contain_text("Refused")
        expect(row).to_contain_text("400")
        expect(row).to_contain_text(key.row.name)
    rows.first.get_by_role("link").first.click()

    expect(visitor.locator(".gw-sentence")).to_contain_text(words)
    expect(visitor.locator(".gw-sentence")).to_contain_text("Not billed")
    expect(visitor.locator("body")).to_contain_text(empty[1].request_id)
    expect(visitor.locator("body")).to_contain_text("No provider was called for this request.")

    # The client has no more than the id of the other one.
    visitor.goto(visitor.url.partition("/requestlog/")[0] + "/requestlog/")
    visitor.get_by_role("searchbox").fill(unknown.request_id)
    visitor.get_by_role("button", name="Find").click()
    visitor.locator("tr[data-sheet]").get_by_role("link").first.click()
    expect(visitor.locator(".gw-sentence")).to_contain_text("no-such-model")
