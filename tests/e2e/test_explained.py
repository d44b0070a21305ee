"""The upstream request that is explained is, byte for byte, the one that the gateway sends."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from configuration.explain import question
from configuration.explain.engine import explain
from configuration.explain.samples import SAMPLES, Sample
from configuration.explain.upstream_preview import MASK
from providers.dialects import DIALECTS
from tests.harness import speak
from tests.harness.call import Client
from tests.harness.configure import Standing
from tests.harness.gateway import Gateway
from tests.harness.rows import Rows
from tests.harness.upstream import Upstream

HOPS = {"host", "content-length", "connection"}
SECRET = "sk-upstream-secret-0001"


def _marked(sample: Sample, route: str, mark: str) -> dict[str, Any]:
    """The sample for a route, with the mark of a script behind its last words."""
    body: dict[str, Any] = json.loads(sample.text)
    body["model"] = route
    body["messages"].append({"role": "user", "content": mark})
    return body


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample.name))
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_it_is_what_is_sent(
    dialect: str,
    sample: Sample,
    client: Client,
    gateway: Gateway,
    standing: Standing,
    upstream: Upstream,
    orm: Rows,
) -> None:
    gateway.wait_snapshot()
    script = upstream.script(speak.answer(dialect))
    body = json.dumps(_marked(sample, standing.routes[dialect].name, script.prompt)).encode()
    answer = client.post(body, headers=sample.headers)
    assert answer.status == 200
    snapshot, _ = question.saved_snapshot()
    key = next(key for key in snapshot.keys.values() if key.id == standing.key.row.pk)
    headers = {"anthropic-version": "2023-06-01", "user-agent": "tests/1.0", **sample.headers}
    found = explain(question.of_request(body, headers, key, timezone.localtime()), snapshot, timezone.now().timestamp())
    shown = found.attempts[0].upstream
    assert shown is not None
    seen = script.wait()
    assert shown.url == upstream.base_url + seen.path
    assert msgspec.json.encode(shown.body) == seen.raw
    assert shown.size == len(seen.raw)
    sent = {name: value.replace(SECRET, MASK) for name, value in seen.headers.items() if name not in HOPS}
    assert dict(shown.headers) == sent | {"x-attempt-id": dict(shown.headers)["x-attempt-id"]}
    assert [code for code, _ in shown.fidelity] == (orm.attempts(orm.request(answer.request_id))[0].fidelity or [])
    row = orm.request(answer.request_id)
    assert (row.route_name, row.phase, row.rule) == (found.route, found.phase, found.rule)
    assert (row.decision or {})["reasons"] == [[v.phase, v.text] for v in found.verdicts if v.text] + [
        ["candidates", how] for how in found.how
    ]
