"""A file that is fetched for a client counts as often as it is mentioned, and before anything is fetched."""

from __future__ import annotations

import pytest

from tests.attack.rig.rig import Rig


@pytest.mark.parametrize("dialect", ["ollama", "gemini"])
@pytest.mark.parametrize("kind", ["image", "document"])
def test_a_file_counts_as_often_as_it_is_mentioned(kind: str, dialect: str, rig: Rig) -> None:
    script = rig.script(dialect=dialect)
    # Nobody has this address; a gateway that fetched before it counted would say so.
    block = {"type": kind, "source": {"type": "url", "url": "https://pictures.invalid/a"}}
    content = [{"type": "text", "text": script.prompt}, *[block] * 5000]
    with rig.watching() as toll:
        answer = rig.client().post(rig.body(script, dialect, messages=[{"role": "user", "content": content}]))
    assert "100" in answer.error(400, "invalid_request_error")
    assert script.seen == []
    assert toll.cpu < 1.5
    assert toll.grown < 64 * 1024 * 1024
