"""Going on with an answer that broke off in its text: what the client has of it, what is asked, how it joins. Pure."""

from streaming.attempting.continuation.going_on import Continuation as Continuation
from streaming.attempting.continuation.going_on import continuation as continuation
from streaming.attempting.continuation.told import Told as Told
