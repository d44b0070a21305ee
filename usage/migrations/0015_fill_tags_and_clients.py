"""Adds the days that are there up by team, with unknown tags and an unknown client: their rows may have been pruned."""

from hashlib import blake2b

import msgspec
from django.db import migrations

_COUNTS = ("requests", "attempts", "unknown_tokens", "unknown_cost", "estimated")
_SUMS = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens", "web_searches", "cost", "input_cost", "cache_read_cost", "cache_write_cost", "output_cost",
    "other_cost", "provider_cost",
)  # fmt: skip
_KEY = ("starts_at", "team_id", "team_name", "outcome")
_LARGEST = 2**63 - 1


def fill(apps, schema_editor):
    """Fills both tables. Writers that run meanwhile wait; readers do not."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('LOCK TABLE "usage_usagerollup" IN SHARE ROW EXCLUSIVE MODE')
    tags, clients = (apps.get_model("usage", name) for name in ("TagRollup", "ClientRollup"))
    for model in (tags, clients):
        model.objects.all().delete()
    cells = {}
    days = apps.get_model("usage", "DailyRollup").objects.filter(overall=False, keyless=True)
    for row in days.values_list(*_KEY, *_COUNTS, *_SUMS).iterator(chunk_size=2000):
        _add(cells, row[:4], row[4:])
    tags.objects.bulk_create([_row(tags, key, cell, (None,)) for key, cell in cells.items()], batch_size=200)
    clients.objects.bulk_create([_row(clients, key, cell, ("", "")) for key, cell in cells.items()], batch_size=200)


def _add(cells, key, figures):
    cell = cells.get(key)
    if cell is None:
        cells[key] = [*figures]
        return
    for at, figure in enumerate(figures):
        if figure is not None:
            cell[at] = figure if cell[at] is None else cell[at] + figure


def _row(model, key, figures, unknown):
    starts_at, team_id, team_name, outcome = key
    values = dict(zip((*_COUNTS, *_SUMS), figures, strict=True))
    for name in _SUMS:
        # An amount is a Decimal of dollars here.
        convert = getattr(model._meta.get_field(name), "from_db_value", None)
        most = _LARGEST if convert is None else convert(_LARGEST, None, None)
        values[name] = None if values[name] is None else min(values[name], most)
    digested = int(starts_at.timestamp()), False, (team_id, team_name, *unknown, outcome)
    identity = blake2b(msgspec.json.encode(digested), digest_size=16).hexdigest()
    return model(
        id=identity, starts_at=starts_at, team_id=team_id, team_name=team_name, outcome=outcome, **values
    )


class Migration(migrations.Migration):
    dependencies = [("usage", "0014_tags_and_clients_by_day")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
