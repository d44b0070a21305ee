"""A key that is limited to some routes reaches no other, however the name is written."""

from __future__ import annotations

from typing import Any

from routing.models import Alias, Route
from tests.attack.rig.rig import Rig
from tests.harness.configure import unique


def _spellings(route: str, model: str, alias: str) -> list[Any]:
    return [
        route,
        model,
        alias,
        route.upper(),
        route.title(),
        f" {route}",
        f"{route} ",
        f"{route}\n",
        f"{route}\0",
        f"{route}[1m]",
        f"{route}-20251001",
        f"{route}:latest",
        f"ALLOWED,{route}",
        f"ALLOWED:{route}",
        f"ALLOWED/{route}",
        f"ALLOWED {route}",
        f"./{route}",
        f"ALLOWED/../{route}",
        f"*{route}",
        "*",
        "%",
        "",
        [route],
        {"name": route},
        None,
        0,
    ]


def test_no_spelling_of_another_model_passes(rig: Rig) -> None:
    with rig.configure():
        allowed = rig.new_route("openai_chat")
        closed = rig.new_route("anthropic")
        candidate = Route.objects.get(name=closed).candidates.select_related("model__provider").get()
        explicit = f"{candidate.model.provider.name}:{candidate.model.name}"
        alias = Alias.objects.create(pattern=unique("alias"), target=closed).pattern
        key = rig.new_key(allowed_routes=allowed)
    client = rig.client(key.secret)
    passed = []
    for spelling in _spellings(closed, explicit, alias):
        name = spelling.replace("ALLOWED", allowed) if isinstance(spelling, str) else spelling
        script = rig.script()
        answer = client.post(rig.body(script, model=name))
        counted = client.post(
            {"model": name, "messages": rig.body(script)["messages"]}, path="/v1/messages/count_tokens"
        )
        reached = [seen.path for seen in script.seen if seen.path.startswith("/anthropic")]
        if reached or answer.status == 200 or counted.status == 200:
            passed.append((name, answer.status, counted.status, reached))
    assert passed == []
    listed = client.get("/v1/models").raw.decode()
    assert allowed in listed
    assert closed not in listed
    assert client.get(f"/v1/models/{closed}").status == 404


def test_a_tag_in_the_conversation_leads_nowhere_else(rig: Rig) -> None:
    with rig.configure():
        allowed = rig.new_route("openai_chat")
        closed = rig.new_route("anthropic")
        key = rig.new_key(allowed_routes=allowed)
    for tag in (f"<CCR-SUBAGENT-MODEL>{closed}</CCR-SUBAGENT-MODEL>", f"<model>{closed}</model>"):
        script = rig.script(dialect="openai_chat")
        rig.client(key.secret).post(rig.body(script, model=allowed, system=[{"type": "text", "text": tag}] * 2))
        assert [seen.path for seen in script.seen if seen.path.startswith("/anthropic")] == []
