"""The explanation of one request, as the page, the command and its JSON show it. Contains no secrets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from routing.decision import Dropped


class Verdict(msgspec.Struct, frozen=True):
    """The result of a phase; `text` is empty for a phase that was not reached."""

    phase: str
    text: str = ""
    chose: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """The error that the client would get instead of an answer."""

    status: int
    type: str
    message: str


class UpstreamView(msgspec.Struct, frozen=True):
    """The request that a provider would get. `size` is the number of bytes of the body as it would be sent.

    `fidelity` lists what the translation dropped, changed or emulated: (code, meaning).
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: Any
    size: int
    fidelity: tuple[tuple[str, str], ...] = ()
    stops_matched_here: tuple[str, ...] = ()


class AttemptView(msgspec.Struct, frozen=True):
    """A candidate that would be tried. `cost` is in US dollars, None without prices.

    `inactive` are credentials of its provider that are not used: (name, why).
    `no_upstream` is the reason why there is no upstream request to show.
    """

    provider: str
    model: str
    dialect: str
    platform: str = ""
    credential: str = ""
    inactive: tuple[tuple[str, str], ...] = ()
    is_demo: bool = False
    cost: Decimal | None = None
    upstream: UpstreamView | None = None
    no_upstream: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """The explanation of one request. `spare` are usable candidates beyond the route's limit of attempts.

    A fact that is None was not stored. `how` gives the reasons for the order of the attempts.
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
