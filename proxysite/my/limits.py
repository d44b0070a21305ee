"""Every limit that binds a client key and its owner, in words. Nothing here calls anything unlimited: where the gateway
sets no limit, a provider does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.utils import timezone

from access import tags
from access.allowances.binding import all_limits, limits_of
from access.allowances.limits import LimitRecord
from access.models import ClientKey
from streaming.limits import Standing
from streaming.runtime import current

_WHOSE: Final = {
    "key": "for this key",
    "user": "for all your keys together",
    "member": "for each member of {team}",
    "team": "for all keys of {team} together",
}
_MEASURES: Final = {
    "requests": "Requests",
    "input_tokens": "Input tokens",
    "output_tokens": "Output tokens",
    "streams": "Requests",
    "count_tokens": "Token counts",
    "models": "Model lists",
}
_PERIODS: Final = {"minute": "a minute", "day": "a day", "once": "at the same time"}


class Limit(msgspec.Struct, frozen=True):
    """One limit: what it is about, how much, and what happens beyond it or who set it."""

    name: str
    value: str
    note: str = ""


def of_key(key: ClientKey) -> list[Limit]:
    """Returns what binds one key by itself."""
    found = [
        _end(key),
        Limit(
            "Routes",
            ", ".join(key.allowed_routes.split()) or "all that are enabled",
            "Other names get a 404 that lists those that this key may use.",
        ),
        Limit(
            "Networks",
            ", ".join(key.allowed_networks.split()) or "all addresses",
            "From other addresses the key is rejected with 403.",
        ),
        _client_tags(key),
    ]
    if not key.team.enabled:
        found.insert(0, Limit("Team", f"{key.team} is disabled", "All its keys are rejected with 403."))
    return found


def of_gateway() -> list[Limit]:
    """Returns what binds every key of this gateway."""
    cut = settings.REVOKED_KEYS == "cut"
    return [
        Limit(
            "Requests at the same time",
            f"{settings.MAX_REQUESTS_PER_KEY:,} of each key in each worker",
            "One more gets 429. Send it again when some have ended.",
        ),
        Limit("Size of a request", size(settings.MAX_BODY_BYTES), "A larger one gets 413."),
        Limit(
            "Values in a request",
            f"{settings.MAX_JSON_VALUES:,}",
            "Members of objects and items of lists, together; a text is one, however long. More get 400.",
        ),
        Limit(
            "Depth of a request",
            f"{settings.MAX_JSON_DEPTH:,} levels",
            "Lists and objects inside each other. A deeper one gets 400, as does one of more than 2 MB in which a part "
            "nests more than about 20 levels deep.",
        ),
        Limit(
            "Requests' bytes at the same time",
            f"{size(settings.MAX_BODIES_BYTES_PER_KEY)} of each key in each worker, "
            f"{size(settings.MAX_BODIES_BYTES)} of all keys",
            "More get 529. Send them again in a moment.",
        ),
        Limit(
            "Time to send a request",
            f"{settings.BODY_SECONDS:,.0f} seconds",
            f"At least {settings.MIN_BODY_RATE:,.0f} bytes a second. A slower one gets 408.",
        ),
        Limit(
            "When a key ends",
            "answers under way are cut" if cut else "answers under way finish",
            "New requests are rejected within a second, whether it was disabled, revoked or expired, "
            "or its owner left the team.",
        ),
    ]


def rates_of_key(key: ClientKey) -> list[Limit]:
    """Returns every rate limit that binds a key: its own, its owner's, its team's and those of each member."""
    records = limits_of(key)
    return [_shown(standing, key.team.name) for standing in _standing(records)]


def rates_of_person(keys: Iterable[ClientKey]) -> list[Limit]:
    """Returns the rate limits that bind a person's keys together, each once."""
    bound = all_limits()
    teams = {record: key.team.name for key in keys for record in bound.of(key) if record.whom != "key"}
    return [_shown(standing, teams[standing.limit]) for standing in _standing(list(teams))]


def size(number: int) -> str:
    """Returns a number of bytes: `32 MiB`."""
    for unit, bytes_ in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= bytes_:
            return f"{number / bytes_:,.1f}".removesuffix(".0") + f" {unit}"
    return f"{number:,} bytes"


def _client_tags(key: ClientKey) -> Limit:
    patterns = tags.tags_of(key.client_tags)
    if not patterns:
        return Limit("Tags that you name", "none", f"The header {tags.HEADER} is ignored.")
    seen = "Rules see them." if key.client_tags_count else "Reports mark them as claims, and no rule sees them."
    return Limit(
        "Tags that you name",
        ", ".join(patterns),
        f"In the header {tags.HEADER}: at most {tags.MOST} of {tags.LONGEST} characters; others are ignored. {seen}",
    )


def _end(key: ClientKey) -> Limit:
    if key.expires_at is None:
        ends = "when its owner leaves the team, or somebody ends it" if key.owner_id else "when somebody ends it"
        return Limit("Valid until", "no last day is set", f"It ends {ends}.")
    moment = timezone.localtime(key.expires_at, timezone.get_default_timezone())
    return Limit("Valid until", f"{moment:%Y-%m-%d %H:%M}", "From then on the key is rejected with 401.")


def _standing(records: Sequence[LimitRecord]) -> list[Standing]:
    runtime = current()
    if runtime is None or not records:
        return [Standing(record, None, None) for record in records]
    return runtime.standing(records)


def _shown(standing: Standing, team: str) -> Limit:
    limit = standing.limit
    name = f"{_MEASURES[limit.measure]} {_PERIODS[limit.per]}"
    return Limit(name, f"{limit.most:,} {_WHOSE[limit.whom].format(team=team)}", _note(standing))


def _note(standing: Standing) -> str:
    limit, used = standing.limit, standing.used
    now = "" if used is None else f"{max(0, round(used)):,} are used now. "
    if limit.per == "once":
        return f"{now}One more gets 429. Send it again when one has ended."
    if limit.per == "minute":
        return f"{now}They come back steadily. What does not fit gets 429 with the seconds to wait."
    until = ""
    if standing.resets_at is not None:
        moment = datetime.fromtimestamp(standing.resets_at, ZoneInfo(limit.zone))
        until = f" The next day begins {moment:%Y-%m-%d %H:%M} ({limit.zone})."
    return f"{now}What does not fit gets 429 until the day ends.{until}"
