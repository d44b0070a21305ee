"""How far a caller is from the cap of one budget or quota, for refusals and for headers of answers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import msgspec


class Quota(msgspec.Struct, frozen=True):
    """One budget or day quota of the caller. Money is in pico-dollars; `resets_at` is in POSIX seconds, None for never.

    `shared`: others use it too (a team's). `used` may exceed `most` (overdraft). `money` is False for quotas of
    requests or tokens. `unreadable`: the store cannot be read, so that the numbers mean nothing.
    """

    period: Literal["day", "week", "month", "total"]
    most: int
    used: int
    resets_at: float | None = None
    shared: bool = False
    money: bool = True
    unreadable: bool = False

    @property
    def share(self) -> float:
        """Returns how much of it is used, 1.0 for all."""
        return self.used / self.most if self.most else 1.0


def nearest(quotas: Iterable[Quota]) -> Quota | None:
    """Returns the quota that is nearest its cap; see `order`."""
    return max(quotas, key=_order, default=None)


def order(used: int, most: int, resets_at: float) -> tuple[float, float]:
    """Returns by what quotas are compared: the largest is shown to callers, the one of which the largest share is used;
    of those that are used up, or equally used, the one that resets last."""
    return min(1.0, used / most) if most else 1.0, resets_at


def _order(quota: Quota) -> tuple[float, float]:
    return order(quota.used, quota.most, math.inf if quota.resets_at is None else quota.resets_at)
