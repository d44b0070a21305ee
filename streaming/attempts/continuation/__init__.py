"""Going on with an answer that broke off in its text: what the client has of it, what is asked, how it joins. Pure."""

from streaming.attempts.continuation.request import Continuation as Continuation
from streaming.attempts.continuation.request import continuation as continuation
from streaming.attempts.continuation.transcript import Told as Told
