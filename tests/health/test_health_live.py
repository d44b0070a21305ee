"""Circuits and credentials of running gateways, against real sockets, in two processes on one database."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from providers.models import Credential, Provider
from routing.health import sharing
from routing.models import Route
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Gate, Reply, Script
from tests.harness.upstream import Upstream
from tests.health.environment import dead_server, state_of, until
from usage.models import AttemptLog

pytestmark = pytest.mark.both_databases

OPEN = 1.5
WELL = speak.answer("openai_chat")


@pytest.fixture(scope="module")
def pair(live_database: None, standing: Standing) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways on one database, whose circuits stay open for a second and a half."""
    one, other = (Gateway(f"health{number}", env={"CIRCUIT_SECONDS": str(OPEN)}) for number in (1, 2))
    with contextlib.ExitStack() as stack:
        for running in (one, other):
            running.launch()
            stack.callback(running.stop)
        for running in (one, other):
            running.wait_ready()
        yield one, other


class House:
    """A route with a troubled candidate before one that is well, and callers at both gateways."""

    def __init__(self, pair: tuple[Gateway, Gateway], upstream: Upstream, standing: Standing) -> None:
        self.upstream = upstream
        self.gateways = pair
        self.clients = [Client(running.base_url, standing.key.secret) for running in pair]
        self.segment = unique("bad")
        self.provider = make_provider("openai_chat", f"{upstream.base_url}/{self.segment}/v1", connect_timeout=2)
        self.bad = make_model(self.provider)
        self.well = make_model(make_provider("openai_chat", f"{upstream.base_url}/{unique('well')}/v1"))
        self.route = make_route([self.bad, self.well])
        self.known()

    def known(self) -> None:
        """Wait until both gateways know what stands in the database."""
        for running in self.gateways:
            running.wait_snapshot()

    def script(self, *replies: Reply) -> Script:
        """What the troubled one says; the other one is well."""
        segment = self.well.provider.base_url.rsplit("/", 2)[1]
        return self.upstream.script(**{self.segment: list(replies), segment: [WELL]})

    def asked(self, script: Script) -> int:
        """How many requests the troubled one has seen."""
        return sum(seen.path.startswith(f"/{self.segment}/") for seen in script.seen)

    def ask(self, script: Script, number: int = 0, route: Route | None = None) -> Answer:
        """One request that is answered."""
        answer = self.clients[number].post(message((route or self.route).name, script.prompt))
        assert answer.stream().complete
        return answer

    @property
    def key(self) -> str:
        """The troubled candidate's circuit."""
        return f"candidate:{self.provider.pk}:{self.bad.pk}"


@pytest.fixture
def house(pair: tuple[Gateway, Gateway], upstream: Upstream, standing: Standing, orm: Rows) -> House:
    return House(pair, upstream, standing)


BROKEN = {
    "500": speak.refusal("openai_chat", 500, "oh no"),
    "overloaded": speak.refusal("openai_chat", 529, "Overloaded"),
    "html": Reply([b"<html>Bad gateway</html>"], status=502, headers={"content-type": "text/html"}),
    "reset": Reply(before=[CUT]),
    "error first": Reply([speak.error_in_stream("openai_chat", "oh no")]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_it_opens_after_five_failures_and_one_probe_closes_it(house: House, broken: Reply) -> None:
    script = house.script(*[broken] * 5, WELL)
    for _ in range(9):
        house.ask(script)
    assert house.asked(script) == 5
    time.sleep(OPEN)
    house.ask(script)
    assert house.asked(script) == 6
    house.ask(script)
    assert house.asked(script) == 7
    until(lambda: state_of(house.key) == "closed")


def test_while_the_probe_is_out_everybody_else_goes_elsewhere(house: House) -> None:
    gate = Gate()
    script = house.script(*[BROKEN["500"]] * 5, Reply([gate, *WELL.steps]))
    for _ in range(5):
        house.ask(script)
    time.sleep(OPEN)
    with ThreadPoolExecutor(21) as pool:
        probe = pool.submit(house.ask, script)
        until(lambda: house.asked(script) == 6)
        others = [pool.submit(house.ask, script) for _ in range(20)]
        for other in others:
            other.result(10)
        assert house.asked(script) == 6
        gate.open()
        probe.result(10)


def test_what_one_process_finds_out_the_other_one_knows(house: House) -> None:
    script = house.script(BROKEN["500"])
    for _ in range(5):
        house.ask(script, 0)
    until(lambda: state_of(house.key) == "open")
    time.sleep(0.6)
    for _ in range(5):
        house.ask(script, 1)
    assert house.asked(script) == 5


def test_a_reset_reaches_both_within_two_seconds(house: House, orm: Rows) -> None:
    refused = speak.refusal("openai_chat", 401, "bad key")
    script = house.script(refused, WELL)
    house.ask(script, 0)
    credential = f"credential:{house.provider.credentials.get().pk}"
    until(lambda: state_of(credential) == "open")
    time.sleep(0.6)
    for number in (0, 1):
        house.ask(script, number)
    assert house.asked(script) == 1
    sharing.reset([credential], "reset by a test")
    time.sleep(1.0)
    for number in (0, 1):
        house.ask(script, number)
    assert house.asked(script) == 3


def test_an_edited_provider_is_tried_again_at_once(house: House) -> None:
    script = house.script(speak.refusal("openai_chat", 401, "bad key"), WELL)
    house.ask(script)
    house.ask(script)
    assert house.asked(script) == 1
    credential = house.provider.credentials.get()
    credential.set_secret("sk-a-better-secret-0002")
    credential.save()
    house.known()
    house.ask(script)
    assert house.asked(script) == 2


def test_a_refused_credential_makes_room_for_the_next_one(house: House) -> None:
    spare = Credential(provider=house.provider, name="spare", position=1)
    spare.set_secret("sk-the-spare-secret-0003")
    spare.save()
    house.known()
    script = house.script(speak.refusal("openai_chat", 401, "bad key"), WELL)
    answers = [house.ask(script) for _ in range(3)]
    used = [seen.headers["authorization"][-4:] for seen in script.seen]
    assert used == ["0001", "0003", "0003", "0003"]
    assert len({answer.request_id for answer in answers}) == 3


def test_a_credentials_own_limit_sends_the_rest_elsewhere(house: House, orm: Rows) -> None:
    Credential.objects.filter(provider=house.provider).update(requests_per_minute=2)
    house.known()
    script = house.script(WELL)
    answers = [house.ask(script) for _ in range(4)]
    assert house.asked(script) == 2
    decision = orm.request(answers[-1].request_id).decision
    assert decision is not None
    assert "its credential main has reached its own limits" in decision["dropped"][0][1]


def test_who_is_left_alone_is_not_asked_to_count_either(house: House) -> None:
    provider = make_provider("anthropic", f"{house.upstream.base_url}/{unique('claude')}")
    route = make_route([make_model(provider), house.well])
    house.known()
    segment = provider.base_url.rsplit("/", 1)[1]
    script = house.upstream.script(
        **{segment: [speak.refusal("anthropic", 401, "bad key")], _segment(house.well.provider): [WELL]}
    )
    house.ask(script, route=route)
    seen = len(script.seen)
    answer = house.clients[0].post(message(route.name, script.prompt, stream=False), path="/v1/messages/count_tokens")
    assert answer.headers["x-gateway-count"] == "local"
    assert len(script.seen) == seen


def test_when_everybody_is_left_alone_the_caller_hears_for_how_long(house: House) -> None:
    route = make_route([house.bad])
    house.known()
    script = house.script(BROKEN["500"])
    for _ in range(5):
        answer = house.clients[0].post(message(route.name, script.prompt))
        answer.error(500, "api_error")
    answer = house.clients[0].post(message(route.name, script.prompt))
    text = answer.error(529, "overloaded_error")
    assert "it failed lately" in text
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    assert house.asked(script) == 5


def test_at_most_five_pay_for_a_dead_server_however_many_start_at_once(house: House, orm: Rows) -> None:
    key = make_key()
    with dead_server() as (url, _):
        dead = make_provider("openai_chat", f"{url}/v1", connect_timeout=2)
        route = make_route([make_model(dead), house.well])
        house.known()
        script = house.script(WELL)
        seconds = _storm(house, key, route, script, 50)
        # Who does not pay is answered soon: the fifty are not kept waiting for the time-out.
        assert sum(took < 1.5 for took in seconds) == 45
        assert _paid(key, 50, dead) == 5
        # It is open now: nobody waits.
        assert max(_storm(house, key, route, script, 20)) < 1.5
        assert _paid(key, 70, dead) == 5
        time.sleep(OPEN)
        # One at a time probes it from now on.
        _storm(house, key, route, script, 20)
        assert _paid(key, 90, dead) == 6


def _storm(house: House, key: Key, route: Route, script: Script, number: int) -> list[float]:
    """So many requests at once; how long each took. All are answered."""
    barrier = threading.Barrier(number)
    client = house.clients[0].with_key(key.secret)

    def one(_: int) -> float:
        barrier.wait(10)
        began = time.monotonic()
        assert client.post(message(route.name, script.prompt)).stream().complete
        return time.monotonic() - began

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def _paid(key: Key, requests: int, dead: Provider) -> int:
    """How many attempts of a key's requests waited for the dead server until the time-out."""
    rows = Rows().of_key(key, requests)
    attempts = AttemptLog.objects.filter(request_log_id__in=[row.id for row in rows], provider_id=dead.pk)
    until(lambda: attempts.count() >= sum(row.attempts - 1 for row in rows))
    return attempts.filter(error_type="connect_timeout").exclude(error_code="not_sent").count()


def test_a_server_that_hangs_before_its_answer_opens_too(house: House) -> None:
    Provider.objects.filter(pk=house.provider.pk).update(first_event_timeout=0.3)
    house.known()
    script = house.script(Reply([HANG]))
    for _ in range(7):
        house.ask(script)
    assert house.asked(script) == 5


def test_a_prompt_that_is_refused_opens_nothing(house: House) -> None:
    route = make_route([house.bad])
    house.known()
    script = house.script(*[speak.refusal("openai_chat", 400, "not this prompt")] * 20, WELL)
    for _ in range(20):
        house.clients[0].post(message(route.name, script.prompt)).error(400, "invalid_request_error")
    house.ask(script, route=route)


def test_clients_that_leave_open_nothing(house: House) -> None:
    script = house.script(*[Reply([HANG])] * 10, WELL)
    for number in range(10):
        house.clients[0].leave_unanswered(
            message(house.route.name, script.prompt),
            lambda number=number: script.wait(number + 1),  # type: ignore[misc]
            unique("session"),
        )
        script.wait_closed(number + 1)
    house.ask(script)
    assert house.asked(script) == 11


def _segment(provider: Any) -> str:
    return str(provider.base_url.rsplit("/", 2)[1])
