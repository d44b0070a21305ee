"""One client's failures switch a model off for that client alone: attacks and outages over HTTP, in two processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from providers.models import Provider
from routing.models import HealthState
from routing.watch import news
from tests.harness import speak
from tests.harness.call import Answer, Client, message
from tests.harness.configure import Key, make_key, make_model, make_provider, make_route, unique
from tests.harness.gateway import Gateway
from tests.harness.patience import until
from tests.harness.rows import Rows
from tests.harness.script import HANG, Reply, Script
from tests.harness.upstream import Upstream
from tests.health.environment import end_waiting, state_of

pytestmark = pytest.mark.both_databases

HEALTHY = speak.answer("openai_chat")
BROKEN = speak.refusal("openai_chat", 502, "the schema is too much for this server")


@pytest.fixture(scope="module")
def pair(live_database: None) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways on one database."""
    one, other = (Gateway(f"keys{number}") for number in (1, 2))
    with contextlib.ExitStack() as stack:
        for running in (one, other):
            running.launch()
            stack.callback(running.stop)
        for running in (one, other):
            running.wait_ready()
        yield one, other


class Scene:
    """One model, asked by several keys at two gateways."""

    def __init__(self, pair: tuple[Gateway, Gateway], upstream: Upstream) -> None:
        self.upstream = upstream
        self.gateways = pair
        self.provider = make_provider("openai_chat", f"{upstream.base_url}/{unique('keys')}/v1")
        self.model = make_model(self.provider)
        self.route = make_route([self.model])
        self.mallory, self.alice, self.bob = (make_key() for _ in range(3))
        self.wait_loaded()
        self._bodies = 0

    def wait_loaded(self) -> None:
        for running in self.gateways:
            running.wait_snapshot()

    def script(self, *replies: Reply) -> Script:
        return self.upstream.script(**{self.provider.base_url.rsplit("/", 2)[1]: list(replies)})

    def ask(self, key: Key, script: Script, body: str = "", *, at: int = 0) -> Answer:
        """One request of a key, with a body of its own unless one is named."""
        self._bodies += 1
        system = body or f"body {self._bodies}"
        return Client(self.gateways[at].base_url, key.secret).post(
            message(self.route.name, script.prompt, stream=False, system=system)
        )

    @property
    def circuit(self) -> str:
        return f"candidate:{self.provider.pk}:{self.model.pk}"


@pytest.fixture
def scene(pair: tuple[Gateway, Gateway], upstream: Upstream, orm: Rows) -> Scene:
    return Scene(pair, upstream)


@pytest.mark.parametrize("attack", ["different bodies", "one body", "a prompt that outlasts the time-out"])
def test_one_client_switches_a_model_off_for_itself_alone(scene: Scene, attack: str) -> None:
    broken = BROKEN
    if attack == "a prompt that outlasts the time-out":
        Provider.objects.filter(pk=scene.provider.pk).update(first_event_timeout=1)
        scene.wait_loaded()
        broken = Reply([HANG])
    body = "the same again" if attack == "one body" else ""
    script = scene.script(*[broken] * 5, HEALTHY)
    for _ in range(5):
        assert scene.ask(scene.mallory, script, body).status in (502, 504)
    assert scene.ask(scene.mallory, script, body).error(529, "overloaded_error")
    assert len(script.seen) == 5
    for number, key in enumerate((scene.alice, scene.bob), 6):
        assert scene.ask(key, script).status == 200
        assert len(script.seen) == number
    until(lambda: state_of(scene.circuit) == "open")
    time.sleep(3 * news.INTERVAL)
    # The other process knows as well, and whom it concerns.
    until(lambda: scene.ask(scene.mallory, script, body, at=1).status == 529, "the other one to know")
    assert scene.ask(scene.alice, script, at=1).status == 200


def test_one_body_that_fails_again_and_again_leaves_the_clients_other_requests_alone(scene: Scene) -> None:
    script = scene.script(*[BROKEN] * 5, HEALTHY)
    for _ in range(5):
        assert scene.ask(scene.mallory, script, "poison").status == 502
    text = scene.ask(scene.mallory, script, "poison").error(529, "overloaded_error")
    assert "it failed recently with this very request" in text
    assert scene.ask(scene.mallory, script).status == 200


def test_two_clients_that_fail_switch_it_off_for_everybody(scene: Scene) -> None:
    script = scene.script(BROKEN)
    for _ in range(5):
        assert scene.ask(scene.mallory, script).status == 502
    scene.ask(scene.alice, script)
    text = scene.ask(scene.bob, script).error(529, "overloaded_error")
    assert "it failed recently; it is tried again in" in text
    assert len(script.seen) == 6
    until(lambda: HealthState.objects.filter(key=scene.circuit, state="open", only_for="").exists())


def test_five_failures_in_a_row_of_two_clients_are_as_bad_as_of_one(scene: Scene) -> None:
    script = scene.script(BROKEN)
    for key in (scene.mallory, scene.alice, scene.mallory, scene.alice, scene.mallory):
        assert scene.ask(key, script).status == 502
    assert scene.ask(scene.bob, script).status == 529
    assert len(script.seen) == 5


@pytest.mark.parametrize("status", [401, 402, 429])
def test_what_speaks_of_the_account_concerns_everybody_at_once(scene: Scene, status: int) -> None:
    script = scene.script(speak.refusal("openai_chat", status, "no"), HEALTHY)
    scene.ask(scene.mallory, script)
    assert scene.ask(scene.alice, script).status == 529
    assert len(script.seen) == 1


def test_a_server_that_cannot_be_reached_is_nobodys_fault(scene: Scene) -> None:
    scene.route = make_route([make_model(make_provider("openai_chat", "http://127.0.0.1:9/v1"))])
    scene.wait_loaded()
    script = scene.script(HEALTHY)
    for _ in range(5):
        assert scene.ask(scene.mallory, script).status == 502
    text = scene.ask(scene.alice, script).error(529, "overloaded_error")
    assert "its provider could not be reached recently" in text


def test_a_forbidden_prompt_of_one_client_closes_no_model_to_the_others(scene: Scene) -> None:
    script = scene.script(*[speak.refusal("openai_chat", 403, "not this")] * 3, HEALTHY)
    for _ in range(3):
        scene.ask(scene.mallory, script)
    assert scene.ask(scene.mallory, script).status == 529
    assert scene.ask(scene.alice, script).status == 200


def test_retries_of_one_request_count_once(scene: Scene) -> None:
    scene.route.retries = 3
    scene.route.attempts = 4
    scene.route.save()
    scene.wait_loaded()
    script = scene.script(*[BROKEN] * 8, HEALTHY)
    for _ in range(2):
        assert scene.ask(scene.mallory, script).status == 502
    assert len(script.seen) == 8
    assert scene.ask(scene.mallory, script).status == 200
    assert state_of(scene.circuit) in ("", "closed")


def test_a_probe_of_the_client_that_failed_closes_it(scene: Scene) -> None:
    script = scene.script(*[BROKEN] * 5, HEALTHY)
    for _ in range(5):
        scene.ask(scene.mallory, script)
    end_waiting(scene.circuit)
    until(lambda: scene.ask(scene.mallory, script).status == 200)
    until(lambda: state_of(scene.circuit) == "closed")
