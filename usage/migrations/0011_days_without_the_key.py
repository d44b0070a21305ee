"""Fills the days without the key from the days that are there: their rows may have been pruned."""

from hashlib import blake2b

import msgspec
from django.db import migrations

_LARGEST = 2**63 - 1
_DIMENSIONS = (
    "team_id", "team_name", "route_id", "route_name", "provider_id", "provider_name", "model_id", "model_name",
    "outcome",
)  # fmt: skip
_COUNTS = ("requests", "attempts", "unknown_tokens", "unknown_cost", "estimated")
_TOKENS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_searches",
)  # fmt: skip
_MONEY = ("cost", "input_cost", "cache_read_cost", "cache_write_cost", "output_cost", "other_cost", "provider_cost")
_BINS = ("first_token_bins", "duration_bins")
_COLUMNS = (*_DIMENSIONS, *_COUNTS, *_TOKENS, *_MONEY, *_BINS)


def fill(apps, schema_editor):
    """Adds the cells of each day up over keys."""
    model = apps.get_model("usage", "DailyRollup")
    if schema_editor.connection.vendor == "postgresql":
        # Writers wait: they lock this table first. Readers do not.
        schema_editor.execute('LOCK TABLE "usage_usagerollup" IN SHARE ROW EXCLUSIVE MODE')
    model.objects.filter(keyless=True).delete()
    complete = model.objects.filter(overall=False, keyless=False)
    for day in complete.order_by("starts_at").values_list("starts_at", flat=True).distinct():
        cells = {}
        for row in complete.filter(starts_at=day).values_list(*_COLUMNS).iterator(chunk_size=2000):
            _add(cells, row)
        model.objects.bulk_create([_row(model, day, *cell) for cell in cells.items()], batch_size=200)


def _add(cells, row):
    at = len(_DIMENSIONS)
    dimensions, figures = row[:at], row[at:]
    cell = cells.get(dimensions)
    if cell is None:
        cells[dimensions] = [dict(figure) if isinstance(figure, dict) else figure for figure in figures]
        return
    for at, figure in enumerate(figures):
        if isinstance(figure, dict):
            for number, times in figure.items():
                cell[at][number] = cell[at].get(number, 0) + times
        elif figure is not None:
            cell[at] = figure if cell[at] is None else cell[at] + figure


def _row(model, day, dimensions, figures):
    team, rest = dimensions[:2], dimensions[2:]
    digested = int(day.timestamp()), "keyless", (*team, None, "", *rest)
    values = dict(zip(_COLUMNS, (*dimensions, *figures), strict=True))
    for name in _TOKENS:
        values[name] = None if values[name] is None else min(values[name], _LARGEST)
    for name in _MONEY:
        # An amount is a Decimal of dollars here.
        most = model._meta.get_field(name).from_db_value(_LARGEST, None, None)
        values[name] = None if values[name] is None else min(values[name], most)
    identity = blake2b(msgspec.json.encode(digested), digest_size=16).hexdigest()
    return model(id=identity, starts_at=day, overall=False, keyless=True, **values)


class Migration(migrations.Migration):
    dependencies = [("usage", "0010_owners_and_keyless_days")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
