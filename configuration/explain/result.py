"""An explanation: the decision about one request as pages, the command and its JSON show it. It holds no secret."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from routing.decision import Dropped


class Verdict(msgspec.Struct, frozen=True):
    """What a phase said; `text` is empty for one that was not asked any more."""

    phase: str
    text: str = ""
    chose: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """The error that the client would get instead of an answer."""

    status: int
    type: str
    message: str


class UpstreamView(msgspec.Struct, frozen=True):
    """The request that a provider would get. `size` is that of the body in bytes as it would be sent.

    `fidelity` is what its translation dropped, changed or emulated: codes with what each means.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: Any
    size: int
    fidelity: tuple[tuple[str, str], ...] = ()
    stops_matched_here: tuple[str, ...] = ()


class AttemptView(msgspec.Struct, frozen=True):
    """A candidate that would be tried. `cost` is US dollars, None without prices.

    `no_upstream` says why there is no upstream request to show.
    """

    provider: str
    model: str
    dialect: str
    platform: str = ""
    credential: str = ""
    is_demo: bool = False
    cost: Decimal | None = None
    upstream: UpstreamView | None = None
    no_upstream: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """Everything about one request. `spare` are candidates that are able and well, beyond the route's most attempts.

    A fact that is None was not stored. `how` says how the order of the attempts came about.
    """

    key: str
    team: str
    facts: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    route: str = ""
    phase: str = ""
    rule: str = ""
    scenario: str = ""
    refusal: Refusal | None = None
    how: tuple[str, ...] = ()
    attempts: tuple[AttemptView, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    spare: tuple[str, ...] = ()
    output: int = 0
    notices: tuple[str, ...] = ()
