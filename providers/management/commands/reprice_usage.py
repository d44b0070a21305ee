"""`./gateway reprice_usage`: what usage of some days would cost at other prices; --apply stores it beside the cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from providers.pricing.prices import schedules
from usage.reports.query import Period
from usage.repricing import Repriced, reprice_and_record

_OWN_TIME = "then"


class Command(BaseCommand):
    """Computes; writes `repriced_cost` only with --apply, and never the cost."""

    help = (
        "Recompute the cost of usage at today's prices or those of another moment. Without --apply nothing is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", required=True, type=_day, help="the first day, such as 2026-11-01")
        parser.add_argument("--to", dest="last", required=True, type=_day, help="the last day, included")
        parser.add_argument("--model", help="only requests that the model with this name answered")
        parser.add_argument(
            "--as-of",
            default="now",
            help="a day or moment whose prices to use, or 'then': for each request the prices of its own time, as they "
            "are entered today (default: now)",
        )
        parser.add_argument("--apply", action="store_true", help="store it in the column repriced_cost")

    def handle(self, *args: Any, **options: Any) -> None:
        period = Period(options["first"], options["last"])
        if period.last < period.first:
            raise CommandError("--to is before --from.")
        found = reprice_and_record(
            period,
            schedules(),
            as_of=_moment(options["as_of"]),
            prices_of=options["as_of"],
            model_name=options["model"],
            write=options["apply"],
        )
        for line in _table(found):
            self.stdout.write(line)
        if not options["apply"]:
            self.stdout.write("Nothing was written. To store the result, run it again with --apply.")


def _day(text: str) -> date:
    day: date | None = _parsed(parse_date, text)
    if day is None:
        raise CommandError(f"{text!r} is not a day: enter it as 2026-11-01.")
    return day


def _moment(text: str) -> datetime | None:
    if text == _OWN_TIME:
        return None
    if text == "now":
        return timezone.now()
    moment: datetime | None = _parsed(parse_datetime, text)
    if moment is None:
        day = _day(text)
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001
    return timezone.make_aware(moment, timezone.get_default_timezone()) if timezone.is_naive(moment) else moment


def _parsed(parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return None


def _table(found: list[Repriced]) -> Iterator[str]:
    total = Repriced("", "")
    for line in found:
        total.requests += line.requests
        total.unpriced += line.unpriced
        total.cost += line.cost
        total.repriced_cost += line.repriced_cost
        yield _line(f"{line.provider_name}: {line.model_name}", line)
    yield _line("all", total)


def _line(name: str, line: Repriced) -> str:
    difference = line.repriced_cost - line.cost
    sums = f"{_usd(line.cost)} -> {_usd(line.repriced_cost)} USD  ({_usd(difference, '+')})"
    text = f"{name}  {line.requests} requests  {sums}"
    return f"{text}  {line.unpriced} without a price" if line.unpriced else text


def _usd(amount: Decimal, sign: str = "") -> str:
    return f"{amount.normalize():{sign}f}"
