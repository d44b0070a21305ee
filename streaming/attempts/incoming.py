"""What an attempt makes of a provider's answer as a whole: its failure, and what its translation says about it."""

from __future__ import annotations

from providers.dialects.contract import Decoder
from providers.errors import ErrorKind, UpstreamError
from providers.fidelity import Fidelity, Notes
from providers.framing.sse import EventTooLong
from providers.translation import EditedDecoder, continues_answers
from routing.snapshot import CandidateConfig
from streaming.attempts.continuation import Continuation
from streaming.encoding.encoder import Encoder
from streaming.exchange.answer import Answer


def spliced(decoder: Decoder, continuing: Continuation, candidate: CandidateConfig) -> Decoder:
    """Returns the decoder of an answer that continues another one."""
    goes_on = continues_answers(candidate.provider, candidate.model)
    return EditedDecoder(decoder, [continuing.splice(prefill=goes_on)])


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


def tokens_taken(encoder: Encoder) -> int | None:
    """Returns all tokens that a provider reported, None when it reported nothing."""
    tokens = encoder.tokens
    return None if tokens.prompt is None else tokens.prompt + (tokens.output or 0)
