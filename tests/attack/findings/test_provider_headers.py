"""Values of a provider's own headers are secrets: no page shows one, and none goes to another address."""

from __future__ import annotations

import json

import pytest

from providers.credentials.binding import destination_of
from providers.credentials.headers import sealed
from providers.models import Provider
from tests.attack.rig.rig import Rig
from tests.harness import speak

_CHANGING = ("providers.view_provider", "providers.change_provider", "providers.use_credential")


@pytest.mark.parametrize("name", ["x-relay-id", "Helicone-Auth"])
def test_the_value_of_a_header_stays_where_it_was_entered_for(name: str, rig: Rig) -> None:
    value = rig.marks.make("a provider's header")
    with rig.configure():
        route = rig.new_route("openai_chat")
        provider = Provider.objects.get(models__candidates__route__name=route)
        provider.secret_headers = {name: sealed(value, destination_of(provider))}
        provider.save()
    sent = rig.script(speak.answer("openai_chat", "hello"))
    assert rig.client().post(rig.body(sent, model=route)).status == 200
    assert value in str(sent.seen[0].headers)

    page = f"/admin/providers/provider/{provider.pk}/change/"
    evil = rig.script(speak.answer("openai_chat", "thank you"))
    with rig.signed_in(*_CHANGING, "usage.view_requestlog", "routing.view_route") as browser:
        question = json.dumps({"model": route, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]})
        seen = [browser.get(page).content, browser.submit("/admin/console/explain/", body=question).content]
        refused = browser.submit(page, **{"headers-0-public": "on"}, _save="Save")
        assert refused.status_code == 200, "a stored value was made public"
        moved = {"base_url": f"{rig.upstream.base_url}/{evil.mark}"}
        with rig.configure():
            assert browser.submit(page, **moved, _save="Save").status_code == 302
        browser.submit(f"/admin/console/providers/{provider.pk}/test/", other="m")
        seen += [refused.content, browser.get(page).content]
    assert rig.marks.found_in(b"".join(seen)) == []
    answer = rig.client().post(rig.body(rig.script(), model=route))
    assert answer.status == 503
    assert b"its secret header" in answer.raw
    assert evil.seen == []
