"""Prompts, answers and secrets are in no row, no log line and no admin page: marked ones are sent and searched for."""

from __future__ import annotations

import secrets

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.db import connection

from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import make_key, make_model, make_provider, make_route
from tests.harness.forms import Admin
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import HANG, Reply
from tests.harness.upstream import Upstream


class _Marks:
    """Words that must stay where they belong."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def __call__(self, what: str) -> str:
        self.words[what] = f"mark{secrets.token_hex(10)}"
        return self.words[what]

    def found_in(self, text: str) -> list[str]:
        return [what for what, word in self.words.items() if word in text]


def _exercise(dialect: str, mark: _Marks, orm: Rows, gateway: Gateway, upstream: Upstream) -> list[str]:
    """Marked requests of every kind to a provider of a dialect that answers in every way; the admin's pages of them."""
    provider_secret = "sk-" + mark("the provider's secret")
    provider = make_provider(dialect, f"{upstream.base_url}/secret", secret=provider_secret)
    dead = make_provider(dialect, "http://127.0.0.1:9/v1", secret="sk-" + mark("another provider's secret"))
    model = make_model(provider)
    routes = [make_route([model]), make_route([make_model(dead), model])]
    key = make_key()
    mark.words["the client key"] = key.secret
    gateway.wait_snapshot()
    client = Client(gateway.base_url, key.secret)

    replies = {
        "answer": speak.answer(dialect, mark("answer")),
        "refusal": speak.refusal(dialect, 400, f"You said {mark('quoted prompt')}", code="bad_prompt"),
        "refused credential": speak.refusal(dialect, 401, f"Wrong key {provider_secret}"),
        "html": Reply([f"<html>{mark('page')}</html>".encode()], status=502, headers={"content-type": "text/html"}),
        "nonsense": Reply([b"data: {" + mark("nonsense").encode() + b"\n\n"]),
        "broken": Reply([speak.opening(dialect, mark("half an answer"))]),
        "error": Reply([speak.opening(dialect, "x"), speak.error_in_stream(dialect, mark("error in stream"))]),
    }
    answers: list[Answer] = []
    for what, reply in replies.items():
        script = upstream.script(reply)
        body = message(
            routes[len(answers) % 2].name,
            f"{script.prompt} {mark('prompt of ' + what)}",
            system=mark("system of " + what),
            tools=[{"name": "t", "description": mark("tool of " + what), "input_schema": {"type": "object"}}],
        )
        answers.append(client.post(body))
        assert len(script.seen) == 1
    answers.append(client.post(message("no-such-route", mark("refused"))))
    answers.append(client.post(b'{"broken": "' + mark("broken JSON").encode()))
    answers.append(client.post({"model": routes[0].name, "max_tokens": 1, "messages": mark("wrong shape")}))
    leaving = upstream.script(Reply([speak.opening(dialect, mark("unread answer")), HANG]))
    with client.reading(message(routes[0].name, leaving.prompt)) as reading:
        reading.until(b"mark")
        reading.leave()
    Client(gateway.base_url, "sk-px-" + mark("wrong key")).post(message(routes[0].name))
    count = {"model": routes[0].name, "messages": [{"role": "user", "content": mark("counted prompt")}]}
    client.post(count, path="/v1/messages/count_tokens")

    assert all(provider_secret not in answer.raw.decode() for answer in answers)
    assert len(orm.of_key(key, len(answers) + 1)) == len(answers) + 1
    # What is looked for can be found: the words are where they belong.
    assert mark.words["answer"].encode() in answers[0].raw
    row = orm.request(answers[0].request_id)
    attempt = orm.attempts(row)[0]
    return [
        f"/admin/usage/requestlog/{row.pk}/change/",
        f"/admin/usage/attemptlog/{attempt.pk}/change/",
        f"/admin/providers/provider/{provider.pk}/change/",
        f"/admin/access/clientkey/{key.row.pk}/change/",
    ]


@pytest.mark.both_databases
def test_marked_words_are_nowhere(orm: Rows, gateway: Gateway, upstream: Upstream) -> None:
    marks = {dialect: _Marks() for dialect in DIALECTS}
    pages = [page for dialect, mark in marks.items() for page in _exercise(dialect, mark, orm, gateway, upstream)]

    def found_in(text: str) -> list[str]:
        return [f"{what} ({dialect})" for dialect, mark in marks.items() for what in mark.found_in(text)]

    for model in apps.get_models():
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            assert found_in(repr(cursor.fetchall())) == [], f"in table {model._meta.db_table}"
    assert found_in(gateway.logs()) == []
    registered = [model._meta for model in apps.get_models() if site.is_registered(model)]
    pages += ["/admin/", *(f"/admin/{meta.app_label}/{meta.model_name}/" for meta in registered)]
    with Admin(gateway.base_url) as admin:
        for page in pages:
            assert found_in(admin.page(page)) == [], page
