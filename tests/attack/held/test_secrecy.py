"""Secrets, prompts and answers: in no log, no file, no table; and text from outside runs in no page."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.db import connection

from providers.dialects import DIALECTS
from providers.models import Provider
from routing.models import Route
from tests.attack.rig.manners import SCRIPT
from tests.attack.rig.marks import Marks
from tests.attack.rig.rig import Rig
from tests.harness import speak
from tests.harness.configure import unique
from tests.harness.script import Reply


def _say_much(rig: Rig, words: Marks) -> list[str]:
    """Requests with marked prompts, answered in every way; the ids of those that left a row."""
    left: list[str] = []
    for dialect in DIALECTS:
        with rig.configure():
            route = rig.new_route(dialect)
        replies = (
            speak.answer(dialect, words.make(f"answer {dialect}")),
            speak.refusal(
                dialect, 400, f"You said {words.make(f'quoted {dialect}')}", code=words.make(f"code {dialect}")
            ),
            Reply([speak.opening(dialect, words.make(f"half {dialect}"))]),
        )
        for reply in replies:
            script = rig.script(reply)
            prompt = f"{script.prompt} {words.make(f'prompt {dialect} {len(left)}')}"
            fields: dict[str, Any] = {
                "messages": [{"role": "user", "content": prompt}],
                "system": words.make(f"system {dialect} {len(left)}"),
                "metadata": {"user_id": "someone"},
            }
            left.append(rig.client().post({**rig.body(script), "model": route, **fields}).request_id)
    rig.client().post(b'{"broken": "' + words.make("broken JSON").encode())
    rig.client("sk-px-" + words.make("wrong key")).post(rig.body(rig.script()))
    count = {"model": rig.routes["ollama"], "messages": [{"role": "user", "content": words.make("counted")}]}
    rig.client().post(count, path="/v1/messages/count_tokens")
    return left


def test_marked_words_are_in_no_table_log_or_file(rig: Rig) -> None:
    words = Marks()
    for request_id in _say_much(rig, words):
        rig.rows.request(request_id)
    # A provider's error code is kept, down to harmless characters; the words of its error are not.
    codes = {f"code {dialect}" for dialect in DIALECTS}

    def found(text: str | bytes) -> set[str]:
        return {*rig.marks.found_in(text), *words.found_in(text)}

    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            assert found(repr(cursor.fetchall())) - codes == set(), model._meta.db_table
    assert found(rig.gateway.logs()) - codes == set()
    folder = Path(rig.gateway.environment["DATA_DIR"])
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "secrets.env":
            assert found(path.read_bytes()) - codes == set(), path
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        for path in Path(name).parent.glob(f"{Path(name).name}*"):
            assert found(path.read_bytes()) - codes == set(), path


@pytest.mark.rig("A")
def test_what_the_gateway_writes_is_its_user_s_alone(rig: Rig) -> None:
    folder = Path(rig.gateway.environment["DATA_DIR"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "secrets.env").stat().st_mode) == 0o600
    journals = [path for path in (folder / "journal").rglob("*") if path.is_dir()]
    assert journals
    assert {stat.S_IMODE(path.stat().st_mode) for path in journals} == {0o700}


def test_text_from_outside_runs_in_no_page(rig: Rig) -> None:
    image = '"><img src=x onerror=alert(1)>'
    with rig.configure():
        key = rig.new_key(name=f"{SCRIPT}{unique('key')}", tags=image)
        route = rig.new_route("openai_chat")
        Route.objects.filter(name=route).update(display_name=SCRIPT, notes=image)
        provider = Provider.objects.latest("pk")
        Provider.objects.filter(pk=provider.pk).update(notes=f"{SCRIPT}{image}")
        key.row.team.name = f"{SCRIPT}{unique('team')}"
        key.row.team.save()
    reply = speak.refusal("openai_chat", 400, SCRIPT + image, code=image, headers={"x-request-id": SCRIPT})
    script = rig.script(reply)
    names = (
        "user-agent",
        "x-claude-code-session-id",
        "x-claude-code-agent-id",
        "x-client-request-id",
        "anthropic-beta",
    )
    client = rig.client(key.secret, **dict.fromkeys(names, SCRIPT + image))
    metadata = {"user_id": json.dumps({"session_id": SCRIPT + image, "account_uuid": image})}
    answer = client.post(rig.body(script, model=route, metadata=metadata, system=SCRIPT))
    unknown = client.post(rig.body(script, model=SCRIPT + image))
    row = rig.rows.request(answer.request_id)
    attempt = rig.rows.attempts(row)[0]
    pages = [f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in site._registry]
    pages += [
        "/admin/",
        "/admin/console/explorer/",
        "/admin/console/health/",
        f"/admin/console/explain/?request={answer.request_id}",
        f"/admin/usage/requestlog/{row.pk}/change/",
        f"/admin/usage/requestlog/{rig.rows.request(unknown.request_id).pk}/change/",
        f"/admin/usage/attemptlog/{attempt.pk}/change/",
        f"/admin/providers/provider/{provider.pk}/change/",
        f"/admin/access/clientkey/{key.row.pk}/change/",
        f"/admin/access/team/{key.row.team_id}/change/",
        f"/admin/usage/requestlog/?q={SCRIPT}{image}",
        f"/admin/access/clientkey/?q={image}&team={SCRIPT}",
    ]
    with rig.signed_in(superuser=True) as browser:
        for page in pages:
            text = browser.get(page).text
            assert SCRIPT not in text, page
            assert "<img src=x" not in text, page
