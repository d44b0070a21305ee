"""The request that Claude Code sends at its start in gateway mode, for nothing but the headers of the answer.

It asks the smallest model for one token. The gateway answers it itself: one usage row, no provider, no cost.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from django.db import Error as DatabaseError

from providers.events import MessageFinished, MessageStarted, Tokens
from providers.fidelity import Fidelity, Notes
from providers.framing.text import written
from streaming.budgets.standing import standing
from streaming.exchange.answer import Answer
from streaming.exchange.exchange import Exchange
from streaming.exchange.quota import nearest
from streaming.exchange.request import Request
from streaming.ingress.claude.message import MessageFold
from streaming.outcome import accounting

logger = logging.getLogger("gateway.request")

_MESSAGES: Final = [{"role": "user", "content": "quota"}]
_FIELDS: Final = frozenset({"model", "max_tokens", "messages", "metadata", "data_flow", "program_use_case_id"})
"""Every field that it may have; the last three only sometimes."""
_MODEL: Final = "haiku"
_CLIENT: Final = "claude-cli/"
"""How Claude Code's user-agent begins: it may have been given a model of another name."""
_NOTHING: Final = Tokens(input=0, output=0)


def matches(content: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Returns whether a request is the probe, and none that somebody wants an answer to."""
    return (
        content["max_tokens"] == 1
        and content["messages"] == _MESSAGES
        and content.keys() <= _FIELDS
        and (_MODEL in content["model"] or headers.get("user-agent", "").startswith(_CLIENT))
    )


async def answer(exchange: Exchange, request: Request) -> None:
    """Answers the probe with an empty message, and the headers of the caller's budgets where they can be read."""
    client, notes = exchange.client, Notes()
    notes.add(Fidelity.QUOTA_PROBE)
    try:
        exchange.quota = nearest(await standing(exchange.key))
    except (DatabaseError, TimeoutError) as error:
        fields = {"request_id": client.request_id, "cause": type(error).__name__}
        logger.warning("no budgets for a quota probe", extra={"fields": fields})
    made = Answer(
        request,
        exchange.lifecycle,
        MessageFold,
        message_id=f"msg_{exchange.account.request.id.hex}",
        client=client,
    )
    made.note_fidelity(notes)
    made.encoder.feed([MessageStarted(tokens=_NOTHING), MessageFinished("max_tokens")])
    made.encoder.finish()
    accounting.answered_here(exchange.account, made.encoder, notes)
    assert isinstance(made.sink, MessageFold)
    await client.respond(200, written(made.sink.message()))
