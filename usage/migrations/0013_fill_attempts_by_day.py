"""Adds up the attempts that are there by day, and for days whose attempts were pruned what their requests had."""

from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from uuid import UUID

import msgspec
from django.db import migrations

_DIMENSIONS = (
    "provider_id", "provider_name", "credential_id", "credential_name", "model_id", "model_name", "outcome",
)  # fmt: skip
_COUNTS = ("attempts", "unknown_tokens", "unknown_cost", "estimated")
_SUMS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_searches", "cost", "input_cost", "cache_read_cost", "cache_write_cost", "output_cost",
    "other_cost", "provider_cost",
)  # fmt: skip
_LARGEST = 2**63 - 1
_DAY = 24 * 60 * 60
_LAST_DAY = date.max.toordinal() - date(1970, 1, 1).toordinal()


def fill(apps, schema_editor):
    """Fills the table. Writers that run meanwhile wait; readers do not."""
    connection, model = schema_editor.connection, apps.get_model("usage", "AttemptRollup")
    if connection.vendor == "postgresql":
        for table in ("usage_usagerollup", "usage_attemptrollup"):
            schema_editor.execute(f'LOCK TABLE "{table}" IN SHARE ROW EXCLUSIVE MODE')
    model.objects.all().delete()
    cells = {}
    days = set()
    for identity, began, *row in _read(
        connection, "usage_attemptlog", ("id", "started_at", *_DIMENSIONS, *_SUMS, "estimated")
    ):
        number = identity.int if isinstance(identity, UUID) else int(identity, 16)
        day = min((number >> 80) // (1000 * _DAY), _LAST_DAY)
        dimensions, sums = tuple(row[:7]), row[7:-1]
        unknown = sums[0] is None or sums[4] is None
        days |= {day, _day(began)}
        _add(cells, (day, *dimensions), (1, int(unknown), int(sums[7] is None), int(row[-1])), sums)
    chosen = (*(name for name in _DIMENSIONS if not name.startswith("credential")), *_COUNTS, *_SUMS)
    for starts_at, overall, *row in _read(connection, "usage_usagerollup", ("starts_at", "overall", *chosen)):
        day = _day(starts_at)
        if not overall and row[5] and day not in days:
            _add(cells, (day, *row[:2], None, "", *row[2:5]), row[5:9], row[9:])
    rows = _rows(model, cells)
    while batch := list(islice(rows, 500)):
        model.objects.bulk_create(batch, batch_size=200)


def _day(moment):
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) // _DAY


def _read(connection, table, columns):
    """Yields rows as the driver gives them: an expression has no declared type that Django would convert."""
    sign = "+" if connection.vendor == "sqlite" else ""
    chosen = ", ".join(f'{sign}"{column}"' for column in columns)
    with connection.chunked_cursor() as cursor:
        cursor.execute(f'SELECT {chosen} FROM "{table}"')  # noqa: S608
        while rows := cursor.fetchmany(2000):
            yield from rows


def _add(cells, key, counts, sums):
    cell = cells.get(key)
    if cell is None:
        cells[key] = [*counts], [*sums]
        return
    for at, count in enumerate(counts):
        cell[0][at] += count
    for at, value in enumerate(sums):
        if value is not None:
            cell[1][at] = value if cell[1][at] is None else cell[1][at] + value


def _rows(model, cells):
    fields = {name: model._meta.get_field(name) for name in _SUMS}
    for (day, *dimensions), (counts, sums) in cells.items():
        digested = msgspec.json.encode((day * _DAY, False, dimensions))
        values = dict(zip((*_DIMENSIONS, *_COUNTS), (*dimensions, *counts), strict=True))
        for name, value in zip(_SUMS, sums, strict=True):
            stored = None if value is None else min(value, _LARGEST)
            # An amount is a Decimal of dollars here.
            convert = getattr(fields[name], "from_db_value", None)
            values[name] = stored if convert is None else convert(stored, None, None)
        starts_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
        yield model(id=blake2b(digested, digest_size=16).hexdigest(), starts_at=starts_at, **values)


class Migration(migrations.Migration):
    dependencies = [("usage", "0012_attempts_by_day")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
