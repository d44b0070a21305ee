"""The guide's panel shows requests whose key was refused: what was wrong with it, and what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from tests.admin.history import request_row
from tests.admin.pages import text_of
from usage.live.models import RefusalSample
from usage.live.refusals import Note, SentKey, encode

pytestmark = pytest.mark.django_db
NEWEST = "/admin/console/guide/newest/"
MESSAGE = "The client key sk-px-abcd… was revoked. Ask an administrator for a new one."


def _note(sent: SentKey, address: str = "203.0.113.7", ago: float = 1.0, **more: Any) -> Note:
    at = timezone.now().timestamp() - ago
    return Note(f"req_{address}", at, address, "POST /v1/messages", 401, MESSAGE, sent, **more)


def _noted(worker: str, *notes: Note) -> None:
    RefusalSample.objects.create(worker=worker, at=timezone.now(), requests=encode(notes))


def _ask(browser: Client, shown: str = "") -> Any:
    since = int((timezone.now() - timedelta(minutes=1)).timestamp() * 1000)
    return browser.get(NEWEST, {"since": str(since), "shown": shown})


@pytest.mark.parametrize(
    ("sent", "more", "why", "advice"),
    [
        (SentKey.NOTHING, {}, "It had no key.", "Use the key shown here"),
        (SentKey.PLACEHOLDER, {"length": 15}, "It had YOUR-CLIENT-KEY for a key.", "Put your key in its place"),
        (SentKey.ANTHROPIC, {"length": 108}, "of Anthropic's", "set ANTHROPIC_AUTH_TOKEN to the key shown here"),
        (
            SentKey.CUT,
            {"shown": "sk-px-abcd", "length": 54},
            "Its key sk-px-abcd… has 54 characters",
            "Copy the whole key",
        ),
        (SentKey.CUT, {"shown": "sk-px-abcd", "length": 55}, "Its key sk-px-abcd… is mistyped", "Copy the whole key"),
        (
            SentKey.WHOLE,
            {"shown": "sk-px-abcd", "length": 55},
            "Its key sk-px-abcd… is whole",
            "Use the key shown here",
        ),
        (SentKey.OTHER, {"length": 7}, "begin with sk-px- and have 55 characters, this one has 7", "Use the key"),
        (SentKey.KNOWN, {}, MESSAGE, ""),
    ],
)
def test_what_was_wrong_and_what_to_do(
    admin_client: Client, sent: SentKey, more: dict[str, Any], why: str, advice: str
) -> None:
    _noted("one", _note(sent, **more))
    text = text_of(_ask(admin_client))
    assert "A request came from 203.0.113.7." in text
    assert why in text
    assert advice in text
    assert "POST /v1/messages was answered with HTTP 401" in text
    assert "Waiting for one with a key of this gateway" in text


@pytest.mark.parametrize(
    ("path", "why", "advice"),
    [
        ("/…/v1/messages", "Something stands in front", "to http://testserver, without a path and without /v1."),
        ("/messages", "The path has no /v1.", "set its base URL to http://testserver/v1."),
        ("/", "There is no path.", "set it to http://testserver/v1/messages."),
        ("/v1/chat/completions", "the API of OpenAI", "with http://testserver for its base URL."),
    ],
)
def test_a_wrong_path_says_which_address_is_right(admin_client: Client, path: str, why: str, advice: str) -> None:
    note = _note(SentKey.UNREAD, wrong_path=path)
    _noted("one", msgspec.structs.replace(note, what=f"POST {path}", status=404, message=""))
    text = text_of(_ask(admin_client))
    assert why in text
    assert advice in text
    assert f"POST {path} was answered with HTTP 404" in text


def test_of_several_the_readers_own_address_comes_first_and_the_newest_of_each(admin_client: Client) -> None:
    mine = _note(SentKey.NOTHING, "127.0.0.1", ago=9.0)
    others = [_note(SentKey.OTHER, f"203.0.113.{number}", ago=float(number)) for number in range(1, 5)]
    _noted("one", mine, *others[:2])
    _noted("two", _note(SentKey.NOTHING, "203.0.113.2", ago=7.0), *others[2:])
    text = text_of(_ask(admin_client))
    came = [
        text.index(f"from {address}") for address in ("127.0.0.1, the address of this", "203.0.113.1", "203.0.113.2")
    ]
    assert came == sorted(came)
    assert "203.0.113.3" not in text
    assert text.count("It had no key.") == 1


def test_a_request_with_a_row_ends_it_and_only_later_ones_are_shown_beside_it(admin_client: Client) -> None:
    _noted("one", _note(SentKey.NOTHING, ago=9.0))
    before = _ask(admin_client)
    row = request_row(started_at=timezone.now() - timedelta(seconds=5))
    after = _ask(admin_client, shown=before.context["mark"])
    assert "It had no key." not in text_of(after)
    assert after.context["mark"] == str(row)
    assert _ask(admin_client, shown=str(row)).status_code == 204
    _noted("two", _note(SentKey.NOTHING, ago=1.0))
    text = text_of(_ask(admin_client, shown=str(row)))
    assert "The request" in text
    assert "It had no key." in text
    assert "Waiting for one" not in text


def test_what_came_before_the_page_was_opened_is_not_shown(admin_client: Client) -> None:
    _noted("one", _note(SentKey.NOTHING, ago=120.0))
    assert _ask(admin_client).status_code == 204
