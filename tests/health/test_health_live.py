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
from routing.watch import news
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, Standing, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import PATIENCE, until
from tests.harness.rows import Rows
from tests.harness.script import CUT, HANG, Gate, Reply, Script
from tests.harness.upstream import Upstream
from tests.health.environment import dead_server, end_waiting, state_of
from usage.models import AttemptLog

pytestmark = pytest.mark.both_databases

HEALTHY = speak.answer("openai_chat")


@pytest.fixture(scope="module")
def pair(live_database: None, standing: Standing) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways on one database, whose circuits stay open for half a minute or until `end_waiting`."""
    one, other = (Gateway(f"health{number}") for number in (1, 2))
    with contextlib.ExitStack() as stack:
        for running in (one, other):
            running.launch()
            stack.callback(running.stop)
        for running in (one, other):
            running.wait_ready()
        yield one, other


class Scenario:
    """A route with a failing candidate before a healthy one, and clients of both gateways."""

    def __init__(self, pair: tuple[Gateway, Gateway], upstream: Upstream, standing: Standing) -> None:
        self.upstream = upstream
        self.gateways = pair
        self.clients = [Client(running.base_url, standing.key.secret) for running in pair]
        self.segment = unique("bad")
        self.provider = make_provider("openai_chat", f"{upstream.base_url}/{self.segment}/v1", connect_timeout=2)
        self.bad = make_model(self.provider)
        self.healthy = make_model(make_provider("openai_chat", f"{upstream.base_url}/{unique('healthy')}/v1"))
        self.route = make_route([self.bad, self.healthy])
        self.wait_loaded()

    def wait_loaded(self) -> None:
        for running in self.gateways:
            running.wait_snapshot()

    def script(self, *replies: Reply) -> Script:
        segment = self.healthy.provider.base_url.rsplit("/", 2)[1]
        return self.upstream.script(**{self.segment: list(replies), segment: [HEALTHY]})

    def count(self, script: Script) -> int:
        return sum(seen.path.startswith(f"/{self.segment}/") for seen in script.seen)

    def ask(self, script: Script, number: int = 0, route: Route | None = None) -> Answer:
        answer = self.clients[number].post(message((route or self.route).name, script.prompt))
        assert answer.stream().complete
        return answer

    def reaches(self, script: Script, number: int = 0) -> bool:
        before = self.count(script)
        self.ask(script, number)
        return self.count(script) > before

    @property
    def key(self) -> str:
        return f"candidate:{self.provider.pk}:{self.bad.pk}"


@pytest.fixture
def scenario(pair: tuple[Gateway, Gateway], upstream: Upstream, standing: Standing, orm: Rows) -> Scenario:
    return Scenario(pair, upstream, standing)


BROKEN = {
    "500": speak.refusal("openai_chat", 500, "oh no"),
    "overloaded": speak.refusal("openai_chat", 529, "Overloaded"),
    "html": Reply([b"<html>Bad gateway</html>"], status=502, headers={"content-type": "text/html"}),
    "reset": Reply(before=[CUT]),
    "error first": Reply([speak.error_in_stream("openai_chat", "oh no")]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_it_opens_after_five_failures_and_one_probe_closes_it(scenario: Scenario, broken: Reply) -> None:
    script = scenario.script(*[broken] * 5, HEALTHY)
    for _ in range(9):
        scenario.ask(script)
    assert scenario.count(script) == 5
    end_waiting(scenario.key)
    until(lambda: scenario.reaches(script), "a probe")
    assert scenario.count(script) == 6
    scenario.ask(script)
    assert scenario.count(script) == 7
    until(lambda: state_of(scenario.key) == "closed")


def test_while_the_probe_is_out_other_requests_go_elsewhere(scenario: Scenario) -> None:
    gate = Gate()
    script = scenario.script(*[BROKEN["500"]] * 5, Reply([gate, *HEALTHY.steps]))
    for _ in range(5):
        scenario.ask(script)
    end_waiting(scenario.key)
    with ThreadPoolExecutor(21) as pool:
        while scenario.count(script) == 5:  # Until the gateway knows that it may probe, others answer.
            probe = pool.submit(scenario.ask, script)
            until(lambda probe=probe: probe.done() or scenario.count(script) == 6)  # type: ignore[misc]
        others = [pool.submit(scenario.ask, script) for _ in range(20)]
        for other in others:
            other.result(PATIENCE)
        assert scenario.count(script) == 6
        gate.open()
        probe.result(PATIENCE)


def test_what_one_process_learns_the_other_one_knows(scenario: Scenario) -> None:
    script = scenario.script(BROKEN["500"])
    for _ in range(5):
        scenario.ask(script, 0)
    until(lambda: state_of(scenario.key) == "open")
    # Four requests at most: a fifth failure would open it there without a word from the first.
    for _ in range(4):
        time.sleep(4 * news.INTERVAL)
        if not scenario.reaches(script, 1):
            return
    pytest.fail("the other one does not know")


def test_a_reset_reaches_both(scenario: Scenario, orm: Rows) -> None:
    script = scenario.script(speak.refusal("openai_chat", 401, "bad key"))
    scenario.ask(script, 0)
    credential = f"credential:{scenario.provider.credentials.get().pk}"
    until(lambda: state_of(credential) == "open")
    time.sleep(2.5 * news.INTERVAL)  # Asked before it knows, it would learn by itself, and write after the reset.
    until(lambda: not scenario.reaches(script, 1), "the other one to know")
    sharing.reset([credential], "reset by a test")
    script = scenario.script(HEALTHY)
    for number in (0, 1):
        until(lambda number=number: scenario.reaches(script, number), "the reset")  # type: ignore[misc]


def test_an_edited_provider_is_tried_again_at_once(scenario: Scenario) -> None:
    script = scenario.script(speak.refusal("openai_chat", 401, "bad key"), HEALTHY)
    scenario.ask(script)
    scenario.ask(script)
    assert scenario.count(script) == 1
    credential = scenario.provider.credentials.get()
    credential.set_secret("sk-a-better-secret-0002")
    credential.save()
    scenario.wait_loaded()
    scenario.ask(script)
    assert scenario.count(script) == 2


def test_a_refused_credential_makes_room_for_the_next_one(scenario: Scenario) -> None:
    spare = Credential(provider=scenario.provider, name="spare", position=1)
    spare.set_secret("sk-the-spare-secret-0003")
    spare.save()
    scenario.wait_loaded()
    script = scenario.script(speak.refusal("openai_chat", 401, "bad key"), HEALTHY)
    answers = [scenario.ask(script) for _ in range(3)]
    used = [seen.headers["authorization"][-4:] for seen in script.seen]
    assert used == ["0001", "0003", "0003", "0003"]
    assert len({answer.request_id for answer in answers}) == 3


def test_a_credentials_own_limit_sends_the_rest_elsewhere(scenario: Scenario, orm: Rows) -> None:
    Credential.objects.filter(provider=scenario.provider).update(requests_per_minute=2)
    scenario.wait_loaded()
    script = scenario.script(HEALTHY)
    answers = [scenario.ask(script) for _ in range(4)]
    assert scenario.count(script) == 2
    decision = orm.request(answers[-1].request_id).decision
    assert decision is not None
    assert "its credential main has reached its own limits" in decision["dropped"][0][1]


def test_a_provider_that_cools_down_is_not_asked_to_count_either(scenario: Scenario) -> None:
    provider = make_provider("anthropic", f"{scenario.upstream.base_url}/{unique('claude')}")
    route = make_route([make_model(provider), scenario.healthy])
    scenario.wait_loaded()
    segment = provider.base_url.rsplit("/", 1)[1]
    script = scenario.upstream.script(
        **{segment: [speak.refusal("anthropic", 401, "bad key")], _segment(scenario.healthy.provider): [HEALTHY]}
    )
    scenario.ask(script, route=route)
    seen = len(script.seen)
    answer = scenario.clients[0].post(
        message(route.name, script.prompt, stream=False), path="/v1/messages/count_tokens"
    )
    assert answer.headers["x-gateway-count"] == "local"
    assert len(script.seen) == seen


def test_when_all_candidates_cool_down_the_error_says_for_how_long(scenario: Scenario) -> None:
    route = make_route([scenario.bad])
    scenario.wait_loaded()
    script = scenario.script(BROKEN["500"])
    for _ in range(5):
        answer = scenario.clients[0].post(message(route.name, script.prompt))
        answer.error(500, "api_error")
    answer = scenario.clients[0].post(message(route.name, script.prompt))
    text = answer.error(529, "overloaded_error")
    assert "it failed recently" in text
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert scenario.count(script) == 5


def test_at_most_five_pay_for_a_dead_server_however_many_start_at_once(scenario: Scenario, orm: Rows) -> None:
    key = make_key()
    with dead_server() as (url, _):
        dead = make_provider("openai_chat", f"{url}/v1", connect_timeout=2)
        route = make_route([make_model(dead), scenario.healthy])
        scenario.wait_loaded()
        script = scenario.script(HEALTHY)
        _storm(scenario, key, route, script, 50)
        assert _paid(key, 50, dead) == 5
        # It is open now: nobody waits.
        _storm(scenario, key, route, script, 20)
        assert _paid(key, 70, dead) == 5
        end_waiting(f"provider:{dead.pk}")
        # One at a time probes it from now on.
        sent = 70
        while _paid(key, sent, dead) == 5:
            _storm(scenario, key, route, script, 20)
            sent += 20
        assert _paid(key, sent, dead) == 6


def _storm(scenario: Scenario, key: Key, route: Route, script: Script, number: int) -> None:
    """So many requests at once. All are answered."""
    barrier = threading.Barrier(number)
    client = scenario.clients[0].with_key(key.secret)

    def one(_: int) -> None:
        barrier.wait(PATIENCE)
        assert client.post(message(route.name, script.prompt)).stream().complete

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(one, range(number)))


def _paid(key: Key, requests: int, dead: Provider) -> int:
    """How many attempts of a key's requests waited for the dead server until the time-out."""
    rows = Rows().of_key(key, requests)
    attempts = AttemptLog.objects.filter(request_log_id__in=[row.id for row in rows], provider_id=dead.pk)
    until(lambda: attempts.count() >= sum(row.attempts - 1 for row in rows))
    return attempts.filter(error_type="connect_timeout").exclude(error_code="not_sent").count()


def test_a_server_that_hangs_before_its_answer_opens_too(scenario: Scenario) -> None:
    Provider.objects.filter(pk=scenario.provider.pk).update(first_event_timeout=0.3)
    scenario.wait_loaded()
    script = scenario.script(Reply([HANG]))
    for _ in range(7):
        scenario.ask(script)
    assert scenario.count(script) == 5


def test_a_prompt_that_is_refused_opens_nothing(scenario: Scenario) -> None:
    route = make_route([scenario.bad])
    scenario.wait_loaded()
    script = scenario.script(*[speak.refusal("openai_chat", 400, "not this prompt")] * 20, HEALTHY)
    for _ in range(20):
        scenario.clients[0].post(message(route.name, script.prompt)).error(400, "invalid_request_error")
    scenario.ask(script, route=route)


def test_clients_that_leave_open_nothing(scenario: Scenario) -> None:
    script = scenario.script(*[Reply([HANG])] * 10, HEALTHY)
    for number in range(10):
        scenario.clients[0].leave_unanswered(
            message(scenario.route.name, script.prompt),
            lambda number=number: script.wait(number + 1),  # type: ignore[misc]
            unique("session"),
        )
        script.wait_closed(number + 1)
    scenario.ask(script)
    assert scenario.count(script) == 11


def _segment(provider: Any) -> str:
    return str(provider.base_url.rsplit("/", 2)[1])
