"""What an attempt makes of a provider's answer as a whole: its failure, and what its translation says about it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from providers.errors import ErrorKind, UpstreamError
from providers.fidelity import Fidelity, Notes
from providers.framing.sse import EventTooLong
from providers.outbound.upstream import Response
from streaming.encoding.encoder import Encoder
from streaming.exchange.answer import Answer


def unreadable(error: EventTooLong | RecursionError) -> UpstreamError:
    """Returns the failure of an answer that cannot be read on."""
    if isinstance(error, EventTooLong):
        return UpstreamError(ErrorKind.MALFORMED, f"The provider sent {error}.")
    return UpstreamError(ErrorKind.MALFORMED, "The provider sent JSON that is nested too deeply.")


def truncated() -> UpstreamError:
    """Returns the failure of an answer that stopped without an end."""
    return UpstreamError(ErrorKind.TRUNCATED, "The provider's answer ended before it was complete.")


def note_finished(encoder: Encoder, notes: Notes, answer: Answer) -> None:
    """Stores what is known at the end of an answer alone, for a header while one can still be sent."""
    if encoder.arguments_repaired:
        notes.add(Fidelity.ARGUMENTS_REPAIRED)
    if encoder.counted_here:
        notes.add(Fidelity.USAGE_ESTIMATED)
    if encoder.counted_here or encoder.ended_here:
        answer.note_fidelity(notes)


async def leave(response: Response, chunks: AsyncIterator[bytes], encoder: Encoder) -> None:
    """Reads on after a complete answer, so that the connection can be used again. A provider that would go on with an
    answer that was ended here is left at once."""
    if not encoder.ended_here:
        await response.drain(chunks)


def tokens_taken(encoder: Encoder) -> int | None:
    """Returns all tokens that a provider reported, None when it reported nothing."""
    tokens = encoder.tokens
    return None if tokens.prompt is None else tokens.prompt + (tokens.output or 0)
