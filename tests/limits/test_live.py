"""Limits at a running server, as clients and rows notice them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from django.contrib.auth.models import User

from access.models import Membership, RateLimit, Team
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, Standing, make_key, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import Gate, Reply, Step
from tests.harness.upstream import Upstream

# What every answer of the scripted provider reports.
FRESH, CACHED, OUTPUT = 20, 10, 7
WRITTEN = 5


class Asking:
    """Asks with keys of its own."""

    def __init__(self, gateway: Gateway, standing: Standing, upstream: Upstream) -> None:
        self.gateway = gateway
        self.route = standing.routes["anthropic"].name
        self._upstream = upstream

    def client(self, key: Key) -> Client:
        return Client(self.gateway.base_url, key.secret)

    def ask(self, key: Key, *replies: Reply, **fields: Any) -> Answer:
        script = self._upstream.script(*(replies or (speak.answer("anthropic"),)))
        return self.client(key).post(message(self.route, script.prompt, **fields))

    def limits(self, key: Key) -> dict[str, Any]:
        found = self.client(key).get("/v1/me").json["limits"]
        return {f"{one['measure']} {one['per']} of {one['of']}": one for one in found}

    def used(self, key: Key, name: str) -> Any:
        return self.limits(key)[name]["used"]


@pytest.fixture
def asking(orm: Rows, gateway: Gateway, standing: Standing, upstream: Upstream) -> Asking:
    return Asking(gateway, standing, upstream)


def limited(asking: Asking, *limits: tuple[str, str, int], **fields: Any) -> Key:
    """A key with limits of its own: measure, period, the most."""
    key = make_key(**fields)
    for measure, per, most in limits:
        RateLimit.objects.create(key=key.row, measure=measure, per=per, most=most)
    asking.gateway.wait_snapshot()
    return key


@pytest.mark.both_databases
def test_requests_beyond_a_minutes_limit_are_refused_with_the_wait(asking: Asking, orm: Rows) -> None:
    key = limited(asking, ("requests", "minute", 6))
    assert [asking.ask(key).status for _ in range(6)] == [200] * 6
    refused = asking.ask(key)
    sentence = refused.error(429, "rate_limit_error")
    assert sentence.startswith("The limit of 6 requests a minute for this client key is reached. There is room ")
    assert "ask an administrator" in sentence
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert "x-should-retry" not in refused.headers
    row = orm.request(refused.request_id)
    assert (row.outcome, row.attempts, row.http_status) == ("refused", 0, 429)
    assert (row.error_code, row.sentence_code, row.cost) == ("minute_limit", "minute_limit", None)


def test_a_long_wait_is_not_waited_for(asking: Asking) -> None:
    key = limited(asking, ("requests", "minute", 1))
    with anthropic.Anthropic(base_url=asking.gateway.base_url, api_key=key.secret, max_retries=5) as sdk:
        body: dict[str, Any] = message(asking.route, "Hi")
        del body["stream"]
        assert asking.ask(key).status == 200
        with pytest.raises(anthropic.RateLimitError) as raised:
            sdk.messages.create(**body)
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert "1 request a minute" in str(raised.value)


def test_a_days_limit_is_a_quota_with_its_end_in_the_teams_zone(asking: Asking, orm: Rows) -> None:
    team = Team.objects.create(name=unique("team"), time_zone="Asia/Tokyo")
    key = limited(asking, ("requests", "day", 1), ("requests", "minute", 1), team=team)
    assert asking.ask(key).status == 200
    refused = asking.ask(key)
    # Both are reached. Who is named the minute would come again in vain.
    sentence = refused.error(429, "billing_error")
    assert "1 request a day" in sentence
    assert "00:00 (Asia/Tokyo)" in sentence
    assert (refused.headers["x-should-retry"], int(refused.headers["retry-after"]) <= 86400) == ("false", True)
    assert asking.limits(key)["requests day of key"]["resets_at"].endswith("T15:00:00Z")
    assert orm.request(refused.request_id).sentence_code == "day_limit"


@pytest.mark.both_databases
def test_input_from_the_cache_is_not_counted_and_output_as_it_was(asking: Asking) -> None:
    key = limited(asking, ("input_tokens", "day", 1000), ("output_tokens", "day", 1000))
    for stream in (True, False):
        assert asking.ask(key, stream=stream).status == 200
    until(lambda: asking.used(key, "output_tokens day of key") == 2 * OUTPUT, lambda: str(asking.limits(key)))
    assert asking.used(key, "input_tokens day of key") == 2 * (FRESH + WRITTEN)


def test_a_request_that_was_never_sent_gives_its_tokens_back(asking: Asking) -> None:
    key = limited(asking, ("input_tokens", "day", 10_000), ("output_tokens", "day", 1000), ("requests", "day", 10))
    refusal = speak.refusal("anthropic", 400, "no")
    assert asking.ask(key, refusal, system="word " * 2000).status == 400
    until(lambda: asking.used(key, "input_tokens day of key") == 0, lambda: str(asking.limits(key)))
    assert asking.used(key, "output_tokens day of key") == 0
    assert asking.used(key, "requests day of key") == 1


def test_a_request_larger_than_the_limit_is_let_through_once_and_counts_in_full(asking: Asking) -> None:
    key = limited(asking, ("input_tokens", "day", 20))
    assert asking.ask(key, system="word " * 2000).status == 200
    until(lambda: asking.used(key, "input_tokens day of key") == FRESH + WRITTEN, lambda: str(asking.limits(key)))
    assert "20 input tokens a day" in asking.ask(key).error(429, "billing_error")


def test_a_full_window_does_not_stop_the_others_from_refilling(asking: Asking) -> None:
    """LiteLLM #24677: tokens stay refused since requests share their window."""
    key = limited(asking, ("output_tokens", "minute", 3), ("requests", "minute", 120))
    assert asking.ask(key).status == 200
    until(lambda: asking.used(key, "output_tokens minute of key") >= 3, lambda: str(asking.limits(key)))
    refused = [asking.ask(key) for _ in range(3)]
    assert all("3 output tokens a minute" in one.error(429, "rate_limit_error") for one in refused)
    # Two a second come back while the tokens stay used up, and a refused request takes none.
    until(lambda: asking.used(key, "requests minute of key") == 0, lambda: str(asking.limits(key)))
    assert asking.used(key, "output_tokens minute of key") > 3
    other = limited(asking, ("requests", "minute", 1), ("output_tokens", "minute", 600))
    assert asking.ask(other).status == 200
    assert "1 request a minute" in asking.ask(other).error(429, "rate_limit_error")
    until(lambda: asking.used(other, "output_tokens minute of key") == 0, lambda: str(asking.limits(other)))
    assert asking.used(other, "requests minute of key") == 1


@pytest.fixture
def held(upstream: Upstream) -> Iterator[tuple[Reply, Gate]]:
    """An answer that goes on when the gate is opened."""
    gate = Gate()
    steps: list[Step] = [speak.opening("anthropic", "Hello"), gate, speak.closing("anthropic")]
    yield Reply(steps, headers=speak.answer("anthropic").headers), gate
    gate.open()


@pytest.mark.parametrize("leaves", [False, True], ids=["ends", "client leaves"])
def test_requests_at_the_same_time_are_counted_until_they_end(
    leaves: bool, asking: Asking, upstream: Upstream, held: tuple[Reply, Gate], orm: Rows
) -> None:
    key = limited(asking, ("streams", "once", 1))
    reply, gate = held
    script = upstream.script(reply)
    with asking.client(key).reading(message(asking.route, script.prompt)) as reading:
        reading.until(b"Hello")
        refused = asking.ask(key)
        sentence = refused.error(429, "rate_limit_error")
        assert sentence.startswith("The limit of 1 request at the same time for this client key is reached.")
        assert orm.request(refused.request_id).sentence_code == "streams_limit"
        if leaves:
            reading.leave()
        else:
            gate.open()
            reading.until(b"message_stop")
    until(lambda: asking.used(key, "streams once of key") == 0, lambda: str(asking.limits(key)))
    assert asking.ask(key).status == 200


def test_two_keys_of_a_team_share_its_limit(asking: Asking) -> None:
    team = Team.objects.create(name=unique("team"))
    first, second = make_key(team), make_key(team)
    RateLimit.objects.create(team=team, measure="requests", per="day", most=2)
    asking.gateway.wait_snapshot()
    assert [asking.ask(key).status for key in (first, second, first, second)] == [200, 200, 429, 429]
    assert f"all client keys of team {team.name} together" in asking.ask(second).error(429, "billing_error")


def test_each_member_has_the_default_by_themselves_or_one_of_their_own(asking: Asking) -> None:
    team = Team.objects.create(name=unique("team"))
    people = [User.objects.create_user(unique("person")) for _ in range(3)]
    for person in people:
        Membership.objects.create(team=team, user=person)
    mia, leo, kim = (make_key(team, owner=person) for person in people)
    service = make_key(team)
    RateLimit.objects.create(members_of=team, measure="requests", per="day", most=1)
    RateLimit.objects.create(user=people[2], measure="requests", per="day", most=3)
    asking.gateway.wait_snapshot()
    found = {
        name: [asking.ask(key).status for _ in range(4)]
        for name, key in {"mia": mia, "leo": leo, "kim": kim, "service": service}.items()
    }
    assert found == {
        "mia": [200, 429, 429, 429],
        "leo": [200, 429, 429, 429],
        "kim": [200, 200, 200, 429],
        "service": [200] * 4,
    }
    assert f"your client keys of team {team.name} together" in asking.ask(mia).error(429, "billing_error")
    assert "all your client keys together" in asking.ask(kim).error(429, "billing_error")


def test_token_counts_and_model_lists_have_limits_of_their_own(asking: Asking) -> None:
    key = limited(asking, ("count_tokens", "day", 1), ("models", "day", 2), ("requests", "day", 1))
    client = asking.client(key)
    body = {name: value for name, value in message(asking.route).items() if name in ("model", "messages")}
    counts = [client.post(body, path="/v1/messages/count_tokens") for _ in range(2)]
    assert [one.status for one in counts] == [200, 429]
    assert "1 token count a day" in counts[1].error(429, "billing_error")
    lists = [client.get(path) for path in ("/v1/models", f"/v1/models/{asking.route}", "/v1/models")]
    assert [one.status for one in lists] == [200, 200, 429]
    assert "2 model lists a day" in lists[2].error(429, "billing_error")
    assert [asking.ask(key).status for _ in range(2)] == [200, 429]
    assert client.get("/v1/me").status == 200


def test_a_changed_limit_holds_at_once(asking: Asking) -> None:
    key = limited(asking, ("requests", "day", 1))
    assert [asking.ask(key).status for _ in range(2)] == [200, 429]
    RateLimit.objects.filter(key=key.row).update(most=2)
    asking.gateway.wait_snapshot()
    assert [asking.ask(key).status for _ in range(2)] == [200, 429]
    RateLimit.objects.filter(key=key.row).delete()
    asking.gateway.wait_snapshot()
    assert asking.ask(key).status == 200
    assert asking.limits(key) == {}


@pytest.fixture(scope="module")
def strict(live_database: None, standing: Standing) -> Iterator[Gateway]:
    """A gateway that has enough of refused keys soon."""
    running = Gateway("refused-keys", env={"REFUSED_KEYS_PER_MINUTE": "3"})
    yield running.start()
    running.stop()


def test_refused_keys_are_limited_by_address_and_valid_ones_never(strict: Gateway, standing: Standing) -> None:
    def status(secret: str, address: str) -> Answer:
        headers = {"x-forwarded-for": address} if address else {}
        return Client(strict.base_url, secret).get("/v1/models", headers=headers)

    wrong = standing.key.secret[:-4] + "0000"
    # Its address is that of a proxy of ours, which stands for many.
    assert [status(wrong, "").status for _ in range(5)] == [401] * 5
    assert [status(wrong, "203.0.113.7").status for _ in range(3)] == [401] * 3
    refused = status(wrong, "203.0.113.7")
    assert "3 requests with refused client keys came from this address" in refused.error(429, "rate_limit_error")
    assert (refused.headers["x-should-retry"], 1 <= int(refused.headers["retry-after"]) <= 60) == ("false", True)
    assert status(standing.key.secret, "203.0.113.7").status == 200
    assert status(wrong, "203.0.113.8").status == 401
