"""Imports what LiteLLM recorded by day, key and model, into the rollups of days on which this gateway had no requests.

Such a day is one quarter hour, at noon of UTC, whose requests are gone: as of pruned requests, its rollup is all there
is. Reports show it under IMPORTED_ROUTE, a name that no route can have, and by provider under a credential called so.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from django.db.models.functions import TruncDate

from access.models import ClientKey
from configuration.foreign.litellm_keys.tables import UnreadableDump
from configuration.foreign.litellm_keys.values import amount, text
from usage.journal.account import new_identity
from usage.journal.records import AttemptRecord, RequestRecord
from usage.models import Outcome
from usage.money import PICO
from usage.rollups import accumulate, upsert
from usage.rollups.accumulate import Cells, first_id
from usage.rollups.compare import lock
from usage.rollups.measures import SUMS
from usage.rollups.models import IMPORTED_ROUTE, AttemptRollup, UsageRollup
from usage.rollups.rebuild import rebuild_days

MOST = 2_000_000
"""Sums by day, key, provider and model that one dump may have."""
_EARLIEST = date(2000, 1, 1)
_NOON = timedelta(hours=12)
_COUNTED = (
    *("prompt_tokens", "completion_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    *("api_requests", "failed_requests"),
)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whose usage a row is, as usage rows say it."""

    team_id: int | None = None
    team_name: str = ""
    key_id: int | None = None
    key_name: str = ""
    owner_id: int | None = None
    owner_name: str = ""

    @classmethod
    def of(cls, key: ClientKey) -> Caller:
        """Returns that of a client key."""
        return cls(
            team_id=key.team_id,
            team_name=key.team.name,
            key_id=key.pk,
            key_name=key.name,
            owner_id=key.owner_id,
            owner_name=key.owner.get_username() if key.owner is not None else "",
        )


class _Of(NamedTuple):
    """What a sum is about; `key` is the hash of a virtual key."""

    day: date
    key: str
    provider: str
    model: str


class _Sum:
    """What LiteLLM added up for one _Of: the counts in the order of _COUNTED, and US dollars."""

    __slots__ = ("cost", "counts")

    def __init__(self) -> None:
        self.counts = [0] * len(_COUNTED)
        self.cost = Decimal(0)

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds a row."""
        for at, name in enumerate(_COUNTED):
            self.counts[at] += int(amount(row.get(name)))
        self.cost += amount(row.get("spend"))

    def pico(self) -> int:
        """Returns the cost in pico-dollars: LiteLLM adds up in floating point, whose last decimals are noise."""
        return int((self.cost * PICO).to_integral_value())


class Spend:
    """Requests, tokens and US dollars by day, key, provider and model."""

    def __init__(self) -> None:
        self.rows = 0
        self._sums: dict[_Of, _Sum] = {}
        self._unread = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds a row of LiteLLM_DailyUserSpend. Raises UnreadableDump for one sum too many."""
        self.rows += 1
        try:
            day = date.fromisoformat(text(row.get("date"))[:10])
        except ValueError:
            day = date.min
        if day < _EARLIEST:
            self._unread += 1
            return
        names = text(row.get("api_key")), text(row.get("custom_llm_provider"), 60), text(row.get("model"), 160)
        of = _Of(day, *map(sys.intern, names))
        found = self._sums.get(of)
        if found is None:
            if len(self._sums) >= MOST:
                raise UnreadableDump(
                    f"The dump has more than {MOST:,} sums by day, key and model: leave the oldest days of "
                    "LiteLLM_DailyUserSpend out of it."
                )
            found = self._sums[of] = _Sum()
        found.add(row)

    def write(self, callers: Mapping[str, Caller], *, write: bool) -> Iterator[str]:
        """Writes the rollups, in the caller's transaction, and yields the report's lines; without `write` it only does
        the latter. `callers` are by the hash of LiteLLM's key.

        What was imported before is replaced. A day on which this gateway has requests of its own is left out, and one
        that is not over.
        """
        if write and self._sums:
            lock(UsageRollup)
        by_day = self._by_day()
        today = datetime.now(UTC).date()
        unfinished = {day for day in by_day if day >= today}
        own = _own_days(by_day.keys() - unfinished)
        months: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        days = [day for day in sorted(by_day) if day not in own and day not in unfinished]
        for day in days:
            if write:
                _write_day(day, [(of, self._sums[of], callers.get(of.key)) for of in by_day[day]])
            month = months[f"{day:%Y-%m}"]
            month[0] += sum(self._sums[of].counts[4] for of in by_day[day])
            month[1] += sum(self._sums[of].pico() for of in by_day[day])
        if write:
            rebuild_days({accumulate.local_day(_noon(day)) for day in days})
        for name, (requests, cost) in sorted(months.items()):
            yield f"{name}: {requests:,} requests, {Decimal(cost) / PICO:,.2f} USD"
        if own:
            yield f"{len(own)} days are left out: this gateway has requests of its own on them."
        if unfinished:
            yield f"{len(unfinished)} days are left out: {today} and later days are not over."
        if self._unread:
            yield f"{self._unread} rows are left out: they have no date."

    def _by_day(self) -> dict[date, list[_Of]]:
        by_day: dict[date, list[_Of]] = defaultdict(list)
        for of in self._sums:
            by_day[of.day].append(of)
        return by_day


def _own_days(days: set[date]) -> set[date]:
    """Returns which of these days of UTC have requests or attempts that were not imported."""
    if not days:
        return set()
    span = {"starts_at__gte": _start(min(days)), "starts_at__lt": _start(max(days)) + timedelta(hours=24)}
    requests = UsageRollup.objects.filter(overall=False, **span).exclude(route_name=IMPORTED_ROUTE)
    attempts = AttemptRollup.objects.filter(**span).exclude(credential_id=None, credential_name=IMPORTED_ROUTE)
    found: set[date] = set()
    for rows in (requests, attempts):
        own = rows.order_by().annotate(utc_day=TruncDate("starts_at", tzinfo=UTC))
        found |= set(own.values_list("utc_day", flat=True).distinct())
    return found & days


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _noon(day: date) -> int:
    return int((_start(day) + _NOON).timestamp())


def _write_day(day: date, sums: Iterable[tuple[_Of, _Sum, Caller | None]]) -> None:
    """Writes the quarter hour and the attempts of a day, in place of what was imported before."""
    start = _start(day)
    quarters: Cells = {}
    attempts: Cells = {}
    for of, found, caller in sums:
        for record, requests in _records(of, found, caller, start + _NOON):
            _add(quarters, accumulate.requests([record]).quarters, requests)
            _add(attempts, accumulate.attempts([_attempt(record, day)]), requests)
    # Their index by moment begins with `overall`.
    UsageRollup.objects.filter(overall__in=(True, False), starts_at=start + _NOON).delete()
    upsert.write(UsageRollup, quarters)
    AttemptRollup.objects.filter(starts_at=start, credential_id=None, credential_name=IMPORTED_ROUTE).delete()
    upsert.write(AttemptRollup, attempts)


def _add(cells: Cells, of_one: Cells, requests: int) -> None:
    for key, cell in of_one.items():
        cell.counts = [count * requests for count in cell.counts]
        if key in cells:
            cells[key].add(cell)
        else:
            cells[key] = cell


def _records(of: _Of, found: _Sum, caller: Caller | None, at: datetime) -> Iterator[tuple[RequestRecord, int]]:
    """Yields a request for each outcome with how many times it happened; sums are those of all together."""
    prompt, output, read, written, requests, failed = found.counts
    failed = min(failed, requests)
    if caller is None:
        caller = Caller(key_name=f"{of.key[:8]}… of LiteLLM" if of.key else "")
    shared: dict[str, Any] = {
        **msgspec.structs.asdict(caller),
        "route_name": IMPORTED_ROUTE,
        "provider_name": of.provider,
        "model_name": of.model,
        "started_at": at,
        "attempts": 1,
    }
    # Failed requests may have cost something, too.
    if requests > failed or found.cost or any((prompt, output, read, written)):
        record = RequestRecord(id=new_identity(), outcome=Outcome.COMPLETED, **shared)
        # LiteLLM's prompt tokens are all of them.
        record.input_tokens = max(0, prompt - read - written)
        record.cache_read_tokens, record.cache_write_tokens = read, written
        record.output_tokens = output
        record.cost = found.pico()
        yield record, requests - failed
    if failed:
        yield RequestRecord(id=new_identity(), outcome=Outcome.FAILED, **shared), failed


def _attempt(record: RequestRecord, day: date) -> AttemptRecord:
    """Returns the one attempt of a request, whose id says the day."""
    same = ("outcome", "provider_name", "model_name", *SUMS)
    values = {name: getattr(record, name) for name in same}
    return AttemptRecord(id=first_id(day), request_log_id=record.id, number=1, credential_name=IMPORTED_ROUTE, **values)
