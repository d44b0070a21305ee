"""What is said to a caller whose rate limit is reached: which one, whose, when there is room again, and what to do."""

from __future__ import annotations

import math
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from access.allowances.limits import LimitRecord
from streaming.exchange.quota import Quota
from streaming.refused import RefusalKind, Refused
from usage.sentence import Sentence


def whose(limit: LimitRecord, team_name: str) -> Sentence:
    """Returns what is counted together, in words for the caller."""
    if limit.whom == "key":
        return Sentence("this client key")
    if limit.whom == "user":
        return Sentence("all your client keys together")
    if limit.whom == "member":
        return Sentence("your client keys of team {team} together", team=team_name)
    return Sentence("all client keys of team {team} together", team=team_name)


def _whom_to_ask(limit: LimitRecord) -> Sentence:
    """Returns who changes a limit."""
    if limit.leads_may_change:
        return Sentence("a lead of your team")
    return Sentence("an administrator of this gateway")


def refusal(limit: LimitRecord, wait: float, team_name: str, ends: float) -> Refused:
    """Returns the refusal of a request that does not fit into a limit. `wait` is in seconds, and a day ends at `ends`
    in POSIX seconds."""
    words = {"amount": limit.amount, "whose": whose(limit, team_name), "ask": _whom_to_ask(limit)}
    if limit.per == "day":
        moment = f"{datetime.fromtimestamp(ends, ZoneInfo(limit.zone)):%Y-%m-%d %H:%M}"
        return Refused(
            RefusalKind.QUOTA_EXHAUSTED,
            Sentence(
                "The limit of {amount} for {whose} is used up until {moment} ({zone}). Send the request again then, or "
                "ask {ask} for a higher limit. The gateway's page /my/ shows your limits.",
                code="day_limit",
                moment=moment,
                zone=limit.zone,
                **words,
            ),
            retry_after=ends - time.time(),
            code="day_limit",
            quota=Quota("day", limit.most, limit.most, ends, shared=limit.whom == "team", money=False),
        )
    if limit.per == "once":
        return Refused(
            RefusalKind.RATE_LIMITED,
            Sentence(
                "The limit of {amount} for {whose} is reached. Send the request again when one of them has ended, or "
                "ask {ask} for a higher limit. The gateway's page /my/ shows your limits.",
                code="streams_limit",
                **words,
            ),
            retry_after=wait,
            code="streams_limit",
        )
    return Refused(
        RefusalKind.RATE_LIMITED,
        Sentence(
            "The limit of {amount} for {whose} is reached. There is room for this request in {seconds} s: send it "
            "again then, or ask {ask} for a higher limit. The gateway's page /my/ shows your limits.",
            code="minute_limit",
            seconds=max(1, math.ceil(wait)),
            **words,
        ),
        retry_after=wait,
        code="minute_limit",
    )
