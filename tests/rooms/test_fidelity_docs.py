"""Every code of the fidelity report is explained, in one place, and documented with who notes it."""

from __future__ import annotations

from providers.fidelity import EXPLANATIONS, Fidelity
from tests.harness.fidelity_table import PAGE, dialect_codes, page


def test_every_code_is_explained_in_a_sentence() -> None:
    assert set(EXPLANATIONS) == set(Fidelity)
    assert all(text.endswith(".") and len(text) > 20 for text in EXPLANATIONS.values())


def test_the_page_says_what_the_source_says() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.harness.fidelity_table"


def test_claude_servers_lose_next_to_nothing() -> None:
    kept = {Fidelity.CACHE_CONTROL_DROPPED, Fidelity.BETA_DROPPED, Fidelity.SERVER_TOOL_DROPPED, Fidelity.FIELD_DROPPED}
    assert not dialect_codes("anthropic") & kept
