"""Continues an interrupted answer with another model: its transcript, the new request, the splice. Sans-IO."""

from streaming.attempts.continuation.request import Continuation as Continuation
from streaming.attempts.continuation.request import continuation as continuation
from streaming.attempts.continuation.transcript import Transcript as Transcript
