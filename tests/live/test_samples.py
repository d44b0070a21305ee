"""What workers say while somebody looks is found again, wherever it is kept, and while Redis is away."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest

from proxysite.live.redis import InRedis
from proxysite.live.samples import InDatabase, InEither, Samples, Unreadable
from tests.allowances.redis_server import RedisServer
from tests.harness.patience import until
from tests.harness.rows import Rows
from usage.live.models import LiveSample

pytestmark = pytest.mark.both_databases
_KEPT = timedelta(minutes=1)
_topics = (f"topic {number}" for number in itertools.count())


@pytest.fixture
def in_database(orm: Rows) -> Iterator[InDatabase]:
    # Other gateways on this database may write theirs.
    yield InDatabase(LiveSample, "streams")
    LiveSample.objects.filter(worker__startswith="samples").delete()


@pytest.fixture
def in_redis(server: RedisServer) -> InRedis:
    return InRedis(server.url, "tests", next(_topics), _KEPT)


@pytest.fixture
def in_either(in_redis: InRedis, in_database: InDatabase) -> InEither:
    return InEither(in_redis, in_database)


@pytest.fixture(params=["in_database", "in_redis", "in_either", "in_either_without_redis"])
def samples(request: pytest.FixtureRequest) -> Samples:
    """Each of them."""
    if request.param == "in_either_without_redis":
        nobody = InRedis("redis://127.0.0.1:1/0", "tests", "topic", _KEPT)
        return InEither(nobody, request.getfixturevalue("in_database"))
    chosen: Samples = request.getfixturevalue(request.param)
    return chosen


def _found(samples: Samples, within: timedelta | None = None) -> dict[str, bytes]:
    found = samples.read(within)
    return {worker: content for worker, (_, content) in found.items() if worker.startswith("samples")}


def test_the_last_text_of_each_worker_is_read(samples: Samples) -> None:
    assert _found(samples) == {}
    samples.write("samples 1", b"first")
    samples.write("samples 2", b'\x00 {"binary": "\xff"} ')
    assert _found(samples) == {"samples 1": b"first", "samples 2": b'\x00 {"binary": "\xff"} '}
    (before, _) = samples.read()["samples 1"]
    samples.write("samples 1", b"first")
    # The same again is something new: by that a worker is seen to live.
    assert samples.read()["samples 1"][0] != before
    samples.write("samples 1", b"")
    assert (
        _found(samples)
        == _found(samples, timedelta(minutes=10))
        == {"samples 1": b"", "samples 2": b'\x00 {"binary": "\xff"} '}
    )
    assert _found(samples, timedelta(minutes=-1)) == {}
    samples.forget("samples 1")
    samples.forget("samples 1")
    assert list(_found(samples)) == ["samples 2"]
    samples.forget("samples 2")
    assert _found(samples) == {}


def test_a_worker_that_died_is_gone_from_redis_by_itself(server: RedisServer) -> None:
    samples = InRedis(server.url, "tests", next(_topics), timedelta(seconds=1))
    samples.write("samples 1", b"last words")
    assert _found(samples) == {"samples 1": b"last words"}
    until(lambda: not _found(samples))
    samples.write("samples 1", b"again")
    assert _found(samples) == {"samples 1": b"again"}


def test_gateways_with_other_prefixes_do_not_see_each_other(server: RedisServer) -> None:
    topic = next(_topics)
    ours, theirs = (InRedis(server.url, prefix, topic, _KEPT) for prefix in ("ours", "theirs"))
    ours.write("samples 1", b"ours")
    assert (_found(ours), _found(theirs)) == ({"samples 1": b"ours"}, {})


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_the_database_is_used_while_redis_is_away(
    in_database: InDatabase, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("proxysite.live.samples._SILENCE", 0.0)
    server = RedisServer()
    server.start()
    try:
        redis = InRedis(server.url, "tests", "topic", _KEPT)
        worker, page = InEither(redis, in_database), InEither(redis, in_database)
        worker.write("samples 1", b"in Redis")
        assert _found(in_database) == {}
        assert _found(page) == {"samples 1": b"in Redis"}
        (server.kill if how == "kill" else server.pause)()
        with pytest.raises(Unreadable):
            redis.read()
        worker.write("samples 1", b"in the database")
        assert _found(page) == {"samples 1": b"in the database"}
        (server.start if how == "kill" else server.resume)()
        worker.write("samples 1", b"in Redis again")
        assert _found(redis) == _found(page) == {"samples 1": b"in Redis again"}
        assert _found(in_database) == {}
    finally:
        server.resume() if how == "pause" else None
        server.kill()


def test_a_page_that_loses_redis_shows_what_it_read_last_for_some_seconds(
    in_database: InDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RedisServer()
    server.start()
    try:
        redis = InRedis(server.url, "tests", "topic", _KEPT)
        InEither(redis, in_database).write("samples 1", b"one")
        page = InEither(redis, in_database)
        assert _found(page) == {"samples 1": b"one"}
        assert page.are_whole()
    finally:
        server.kill()
    assert _found(page) == {"samples 1": b"one"}
    assert not page.are_whole()
    monkeypatch.setattr("proxysite.live.samples._SILENCE", 0.0)
    assert _found(page) == {}


def test_a_worker_alone_that_does_not_reach_redis_is_seen(in_redis: InRedis, in_database: InDatabase) -> None:
    nobody = InRedis("redis://127.0.0.1:1/0", "tests", "topic", _KEPT)
    InEither(in_redis, in_database).write("samples 1", b"one")
    InEither(nobody, in_database).write("samples 2", b"two")
    assert _found(InEither(in_redis, in_database)) == {"samples 1": b"one", "samples 2": b"two"}
