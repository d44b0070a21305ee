"""What the columns of an invoice mean: chosen in the page, saved for each provider, guessed from their names before.

The names are those of exports of 2026: Anthropic's usage and cost, OpenAI's usage and costs, OpenRouter's activity, AWS
cost and usage reports, Google Cloud's cost table, and FOCUS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from usage.invoices import values
from usage.invoices.sheet import Sheet


class Meaning(msgspec.Struct, frozen=True):
    """What a column may hold. `names` are those that it has in exports, the best one first, without anything but
    letters and digits. Where a file has `several` of these columns, they are added up."""

    name: str
    title: str
    names: tuple[str, ...]
    several: bool = False


_INPUT: Final = ("usageinputtokensnocache", "uncachedinputtokens", "inputuncachedtokens", "inputtokens", "input")
_INPUT_WITH_CACHE: Final = ("tokensprompt", "prompttokens")
MEANINGS: Final = (
    Meaning(
        "day", "Day or moment (UTC)",
        ("usagedateutc", "starttimeiso", "lineitemusagestartdate", "chargeperiodstart", "usagestartdate", "usagedate",
         "date", "day", "createdat", "starttime", "timestamp"),
    ),
    Meaning(
        "model", "Model",
        ("modelversion", "modelpermaslug", "modelname", "modelid", "model", "lineitem", "skudescription",
         "lineitemusagetype", "chargedescription", "description"),
    ),
    Meaning("input", "Input tokens, not from cache", _INPUT, several=True),
    Meaning("input_with_cache", "Input tokens, cache included", _INPUT_WITH_CACHE, several=True),
    Meaning(
        "cache_read", "Cache read tokens",
        ("usageinputtokenscacheread", "cachereadinputtokens", "cachereadtokens", "inputcachedtokens",
         "cachedinputtokens", "tokenscached", "cachedtokens", "cacheread"),
        several=True,
    ),
    Meaning(
        "cache_write", "Cache write tokens",
        ("usageinputtokenscachewrite5m", "usageinputtokenscachewrite1h", "usageinputtokenscachewrite",
         "cachecreationinputtokens", "cachewriteinputtokens", "cachewritetokens", "cachewrite"),
        several=True,
    ),
    Meaning(
        "output", "Output tokens",
        ("usageoutputtokens", "outputtokens", "completiontokens", "tokenscompletion", "output"),
        several=True,
    ),
    Meaning("requests", "Requests", ("nummodelrequests", "requestcount", "numrequests", "requests"), several=True),
    Meaning("request_id", "Id of a request: each line is one", ("generationid", "requestid")),
    Meaning(
        "cost", "Cost",
        ("costusd", "amountvalue", "lineitemunblendedcost", "costtotal", "unroundedcost", "billedcost", "totalcost",
         "amountusd", "cost", "amount"),
        several=True,
    ),
    Meaning(
        "currency", "Currency",
        ("amountcurrency", "lineitemcurrencycode", "billingcurrency", "currencycode", "currency"),
    ),
)  # fmt: skip
BY_NAME: Final = {meaning.name: meaning for meaning in MEANINGS}
FIGURES: Final = ("requests", "input", "cache_read", "cache_write", "output", "cost")
"""What an invoice and our attempts are compared by."""
NUMERIC: Final = frozenset({*FIGURES, "input_with_cache"})


class Layout(msgspec.Struct, frozen=True):
    """How a file is read: its columns that count with their meanings, and how it writes days and numbers.

    Lines count whose column `only_column` contains the text `only_text`, where that is given. `rate` is US dollars for
    a unit of the file's currency. `aliases` are models' names on the invoice with those here.
    """

    columns: dict[str, str]
    days: str = "iso"
    decimal: str = "."
    delimiter: str = ","
    only_column: str = ""
    only_text: str = ""
    rate: Decimal | None = None
    aliases: dict[str, str] = {}


def guess(sheet: Sheet, saved: Layout | None = None) -> Layout:
    """Returns the layout that a file most likely has: the saved one for the columns that it knows, else by names."""
    columns = _by_names(sheet.header)
    if saved is not None and set(saved.columns) <= set(sheet.header):
        columns = saved.columns
    at = {name: place for place, name in enumerate(sheet.header)}
    days = [cell for name, meaning in columns.items() if meaning == "day" for cell in sheet.samples(at[name])]
    numbers = [cell for name, meaning in columns.items() if meaning in NUMERIC for cell in sheet.samples(at[name])]
    if saved is None:
        return Layout(columns, values.guess_days(days), values.guess_decimal(numbers), sheet.delimiter)
    only_column, only_text = saved.only_column, saved.only_text
    if only_column not in sheet.header:
        only_column = only_text = ""
    return Layout(
        columns, values.guess_days(days, saved.days), values.guess_decimal(numbers, saved.decimal), sheet.delimiter,
        only_column, only_text, saved.rate, saved.aliases,
    )  # fmt: skip


def _by_names(header: Sequence[str]) -> dict[str, str]:
    plain = {name: re.sub(r"[^a-z0-9]", "", name.lower()) for name in header}
    found: dict[str, str] = {}
    for meaning in MEANINGS:
        known = sorted(
            (name for name in header if plain[name] in meaning.names and name not in found),
            key=lambda name, names=meaning.names: names.index(plain[name]),  # type: ignore[misc]
        )
        # Columns that are added up have names of their own in every export: those of cache writes.
        for name in known if meaning.name == "cache_write" else known[:1]:
            found[name] = meaning.name
    if "inputcachedtokens" in plain.values():
        # OpenAI's input has what was read from cache in it.
        found |= {name: "input_with_cache" for name in found if plain[name] == "inputtokens"}
    return found
