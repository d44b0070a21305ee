"""Rate limits as requests need them. Knows no HTTP and no database."""

from __future__ import annotations

from typing import Literal

import msgspec

from access.allowances.policy import cell_of

Whom = Literal["key", "user", "team", "member"]
"""Whose requests count together; `member`: those of one member of a team with their keys of it."""


class LimitRecord(msgspec.Struct, frozen=True):
    """One limit that binds a key. `cell` names what is counted, the same for all keys that share it; `zone` is where a
    day begins. `amount` is for sentences: `60 requests a minute`; `leads_may_change` says whom to ask for more.
    """

    id: int
    measure: str
    per: str
    most: int
    whom: Whom
    cell: bytes
    zone: str
    amount: str
    leads_may_change: bool = False


def cell_of_limit(limit_id: int, measure: str, per: str, member_id: int | None = None) -> bytes:
    """Returns the name of a limit's count: another one for each member, where it binds each by themselves."""
    member = "" if member_id is None else f" member {member_id}"
    return cell_of(f"limit {limit_id} {measure} {per}{member}")
