"""Images and documents by address, for a provider that takes none: fetched, within limits, from public addresses."""

from __future__ import annotations

import asyncio
import base64
import copy
import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes
from providers.outbound import media
from providers.outbound.media import MediaCache, with_media
from providers.translation import Translation
from tests.claude.claude_blocks import Json, assistant, result, text, use, user
from tests.claude.wire import make_call
from tests.harness.script import HANG, Endless, Reply, Script
from tests.harness.upstream import Upstream
from tests.rooms.internet import PUBLIC, Internet

PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)
JPEG, GIF, WEBP, PDF = b"\xff\xd8\xff\xe0rest", b"GIF89arest", b"RIFF\0\0\0\0WEBPrest", b"\n%PDF-1.7 rest"


class Web:
    """A host on the pretended internet that serves one script."""

    def __init__(self, upstream: Upstream, *replies: Reply) -> None:
        self.script: Script = upstream.script(*replies)
        self._port = int(upstream.base_url.rpartition(":")[2])

    def url(self, name: str = "a") -> str:
        """An address there."""
        return f"http://pics.example:{self._port}/{name}?m={self.script.mark}&secret=word"

    def block(self, name: str = "a", kind: str = "image") -> Json:
        """A block that is given by address."""
        return {"type": kind, "source": {"type": "url", "url": self.url(name)}}

    def run(self, *bodies: Json, cache: MediaCache | None = None) -> tuple[list[Json], list[str]]:
        """The requests with their media inline, one after the other, and the codes noted."""
        notes = Notes()

        async def main() -> list[Json]:
            Internet(pics_example=[[PUBLIC]], inside_example=[["10.0.0.1"]]).replace(self._port)
            used = cache or MediaCache()
            return [await with_media(body, notes, used) for body in bodies]

        return asyncio.run(main()), list(notes)

    def refusal(self, *blocks: Json) -> str:
        """The sentence with which a request is refused; it never repeats the address."""
        with pytest.raises(UnsupportedRequest) as caught:
            self.run({"messages": [user(text("Look:"), *blocks)]})
        assert "secret" not in caught.value.message
        assert self.script.mark not in caught.value.message
        return caught.value.message


def serving(content: bytes, content_type: str = "application/octet-stream", status: int = 200) -> Reply:
    """An answer with a file."""
    return Reply([content], status, {"content-type": content_type})


def inline(content: bytes, media_type: str, kind: str = "image") -> Json:
    """The block that it must become."""
    source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(content).decode()}
    return {"type": kind, "source": source}


@pytest.mark.parametrize(
    ("kind", "content", "content_type", "media_type"),
    [
        ("image", PNG, "application/octet-stream", "image/png"),
        ("image", JPEG, "image/png", "image/jpeg"),
        ("image", GIF, "", "image/gif"),
        ("image", WEBP, "text/plain", "image/webp"),
        ("image", b"unusual", "image/jpeg; q=1", "image/jpeg"),
        ("document", PDF, "text/html", "application/pdf"),
        ("document", b"unusual", "application/pdf", "application/pdf"),
    ],
)
def test_a_file_is_what_its_bytes_say(
    upstream: Upstream, kind: str, content: bytes, content_type: str, media_type: str
) -> None:
    web = Web(upstream, serving(content, content_type))
    (body,), codes = web.run({"messages": [user(web.block(kind=kind))]})
    assert body == {"messages": [user(inline(content, media_type, kind))]}
    assert codes == [Fidelity.MEDIA_FETCHED]


def test_all_places_are_found_and_nothing_is_changed_in_place(upstream: Upstream) -> None:
    web = Web(upstream, serving(PNG))
    nested = {"type": "document", "source": {"type": "content", "content": [text("A page."), web.block()]}}
    untouched = user(text("Before."), {"type": "image", "source": {"type": "url", "url": "data:image/png;base64,eA=="}})
    body = {
        "model": "m",
        "messages": [
            untouched,
            {"role": "user", "content": "a string"},
            assistant(use("t1")),
            user(
                result("t1", [text("chart"), web.block()]), {**web.block("b"), "cache_control": {"type": "x"}}, nested
            ),
        ],
    }
    before = copy.deepcopy(body)
    (out,), _ = web.run(body)
    assert body == before
    image = inline(PNG, "image/png")
    assert out["messages"][3] == user(
        result("t1", [text("chart"), image]),
        {**image, "cache_control": {"type": "x"}},
        {"type": "document", "source": {"type": "content", "content": [text("A page."), image]}},
    )
    assert out["messages"][0] is untouched
    assert sorted(seen.path[:3] for seen in web.script.seen) == ["/a?", "/b?"]


def test_a_request_without_addresses_is_the_same_object() -> None:
    body = {"messages": [user("Hi"), user(inline(PNG, "image/png")), "odd", user({"type": "image"})], "x": 1}
    notes = Notes()
    assert asyncio.run(with_media(body, notes)) is body
    assert list(notes) == []


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (serving(b"no", status=404), "image", "the image could not be fetched: its server answered HTTP 404."),
        (serving(b"<html>", "text/html"), "image", "is not a JPEG, PNG, GIF or WebP image."),
        (serving(PDF), "image", "is not a JPEG, PNG, GIF or WebP image."),
        (serving(PNG), "document", "is not a PDF document."),
        (Reply([Endless(bytes(1_000_000))]), "image", "it is larger than 10 MB."),
        (Reply(headers={"content-length": "33000000"}), "document", "it is larger than 32 MB."),
        (Reply(status=302, headers={"location": "http://127.0.0.1/"}), "image", "its address is private."),
    ],
)
def test_what_cannot_be_fetched_is_refused_by_its_place(upstream: Upstream, reply: Reply, kind: str, says: str) -> None:
    web = Web(upstream, reply)
    message = web.refusal(web.block(kind=kind))
    assert message.startswith("messages.0.content.1: ")
    assert says in message
    assert message.endswith("Send it as base64.")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/?secret=word", "http://inside.example/", "http://169.254.169.254/", "file:///etc/passwd"]
)
def test_private_addresses_are_never_fetched(upstream: Upstream, url: str) -> None:
    web = Web(upstream)
    assert "its address " in web.refusal({"type": "image", "source": {"type": "url", "url": url}})


def test_a_slow_server_is_given_up(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "SECONDS", 0.2)
    web = Web(upstream, Reply([PNG, HANG]))
    assert "its server did not send it within 0.2 s." in web.refusal(web.block())
    monkeypatch.setattr(media, "SECONDS", 5.0)
    monkeypatch.setattr(media, "ALL_SECONDS", 0.2)
    assert "within 0.2 s" in web.refusal(web.block())


def test_number_and_sum_are_limited(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web(upstream, serving(PNG))
    assert "gives 21 images" in web.refusal(*(web.block(str(number)) for number in range(21)))
    assert web.script.seen == []
    monkeypatch.setattr(media, "ALL_BYTES", 100)
    assert "in total" in web.refusal(web.block("a"), web.block("b"))


def test_a_file_counts_as_often_as_it_is_mentioned(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "ALL_BYTES", 10 * len(PNG))
    cache = MediaCache()
    for _ in range(2):  # fetched, and from the cache
        web = Web(upstream, serving(PNG))
        body = {"messages": [user(*[web.block()] * 10)]}
        (out,), _ = web.run(body, cache=cache)
        assert out == {"messages": [user(*[inline(PNG, "image/png")] * 10)]}
        body["messages"].append(user(web.block()))
        with pytest.raises(UnsupportedRequest) as caught:
            web.run(body, cache=cache)
        assert "in total, each counted as often as the request mentions it" in caught.value.message
    assert len(web.script.seen) == 1


def test_what_arrives_is_counted_while_it_does(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "ALL_BYTES", 3_000_000)
    web = Web(upstream, Reply([Endless(bytes(100_000), 9_000)]))
    assert "in total" in web.refusal(*(web.block(str(number)) for number in range(4)))


def test_mentions_are_limited(upstream: Upstream) -> None:
    web = Web(upstream, serving(PNG))
    (out,), _ = web.run({"messages": [user(*[web.block()] * media.MOST_MENTIONS)]})
    assert out == {"messages": [user(*[inline(PNG, "image/png")] * media.MOST_MENTIONS)]}
    assert "101 times" in web.refusal(*[web.block()] * (media.MOST_MENTIONS + 1))
    began = time.thread_time()
    assert "100000 times" in web.refusal(*[web.block()] * 100_000)
    assert time.thread_time() - began < 5  # It took 36 s to put as many in, one after the other.


def test_places_are_replaced_in_one_walk() -> None:
    block = {"type": "image", "source": {"type": "url", "url": "https://pics.example/a"}}
    body = {"messages": [user(*[block] * 100_000)]}
    found = media.media_urls(body)
    began = time.thread_time()
    out = media.inlined(body, {one.path: {"n": number} for number, one in enumerate(found)})
    assert time.thread_time() - began < 5
    assert [one["source"]["n"] for one in out["messages"][0]["content"]] == list(range(100_000))


def test_every_turn_brings_the_same_addresses_and_they_are_fetched_once(upstream: Upstream) -> None:
    web = Web(upstream, serving(PNG))
    first = {"messages": [user(web.block(), web.block())]}
    second = {"messages": [*first["messages"], assistant(text("Yes.")), user("And?")]}
    bodies, _ = web.run(first, second)
    assert len(web.script.seen) == 1
    assert bodies[1]["messages"][0] == bodies[0]["messages"][0] == user(*[inline(PNG, "image/png")] * 2)


def test_what_is_kept_is_bounded_and_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(media, "time", SimpleNamespace(monotonic=lambda: now))

    def source(size: int) -> Json:
        return {"type": "base64", "data": "x" * size}

    cache = MediaCache(most_bytes=100, seconds=60)
    for name in "abc":
        cache.put(("image", name), source(40))
    assert [cache.get(("image", name)) is not None for name in "abc"] == [False, True, True]
    cache.put(("image", "huge"), source(101))
    cache.put(("image", "b"), source(60))
    assert [cache.get(("image", name)) is not None for name in ("b", "c", "huge")] == [True, True, False]
    now += 60
    assert cache.get(("image", "b")) is None


def test_a_dialect_that_takes_no_addresses_gets_base64(upstream: Upstream) -> None:
    web = Web(upstream, serving(PNG))
    call = make_call("ollama", {"messages": [user(text("Look:"), web.block("for-ollama"))]})

    async def main() -> Any:
        Internet(pics_example=[[PUBLIC]]).replace(int(upstream.base_url.rpartition(":")[2]))
        translation = Translation(call)
        assert await translation.count_request() is None
        return msgspec.json.decode((await translation.request()).body)

    sent = asyncio.run(main())
    assert sent["messages"] == [{"role": "user", "content": "Look:", "images": [base64.b64encode(PNG).decode()]}]
    assert list(call.notes) == [Fidelity.MEDIA_FETCHED]


def test_a_dialect_that_takes_addresses_is_reported_them() -> None:
    url = "https://pics.example/a.png"
    body = {"messages": [user({"type": "image", "source": {"type": "url", "url": url}})]}
    request = asyncio.run(Translation(make_call("anthropic", body)).request())
    assert url.encode() in request.body
