"""LiteLLM's keys and teams from dumps of its tables: clients keep their keys, and the report names what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from access.models import ClientKey, Membership, Team
from configuration.apply.import_configuration import import_configuration
from configuration.file.exporting import export_text
from configuration.file.reading import read_text
from routing.models import Alias, Route
from tests.configuration.litellm_keys.conftest import Run
from tests.configuration.litellm_keys.dumps import (
    KEYS,
    SPEND,
    TEAMS,
    USERS,
    Tables,
    copied,
    day,
    folder,
    inserted,
    key,
    team,
    token_of,
    user,
)

pytestmark = pytest.mark.django_db

CI, MIA, ODD = "sk-ci-0123456789abcd", "sk-Mia_key-abcdefgh", "sk-odd'\\key"
TABLES: Tables = {
    SPEND: [day("2026-09-30", 10, 1.5), day("2026-10-01", 20, 2.25), day("2026-10-31", 1, 0.25)],
    TEAMS: [team("t-1", "Backend", max_budget=500.0), team("t-2", "Old", blocked=True)],
    USERS: [user("u-1", "Mia@example.org"), user("u-2")],
    KEYS: [
        key(CI, key_alias="CI\tof 'us'\n", team_id="t-1", models=["fast", "gone"], metadata={"tags": ["ci", "a,b"]}),
        key(MIA, key_alias="laptop", team_id="t-1", user_id="u-1", expires="2099-01-02 03:04:05", rpm_limit=10),
        key(ODD, team_id="t-2", user_id="u-2", blocked=True),
    ],
}


def stored(secret: str) -> ClientKey:
    return ClientKey.objects.get(hash=token_of(secret))


def make_route(name: str) -> None:
    Route.objects.create(name=name)


def test_without_write_nothing_is_written(run: Run) -> None:
    output = run(TABLES, "--team=x")
    assert "7 created, 0 changed, 0 unchanged, 0 refused. Nothing was written." in output
    assert not Team.objects.exists()
    assert not ClientKey.objects.exists()


@pytest.mark.both_databases
@pytest.mark.parametrize("form", ["copy", "inserts", "column-inserts", "rows-per-insert", "csv", "json", "jsonl"])
def test_every_form_of_a_dump_brings_the_same(form: str, run: Run, tmp_path: Path) -> None:
    make_route("fast")
    mia = get_user_model().objects.create_user("mia", "mia@example.org")
    backend = Team.objects.create(name="Backend")
    Membership.objects.create(team=backend, user=mia, role="member")
    dump = {
        "copy": lambda: copied(TABLES),
        "inserts": lambda: inserted(TABLES),
        "column-inserts": lambda: inserted(TABLES, with_columns=True),
        "rows-per-insert": lambda: inserted(TABLES, many=True),
    }.get(form, lambda: folder(TABLES, tmp_path / "export", form))()
    output = run(dump)
    assert "6 created, 0 changed, 1 unchanged, 0 refused." in output
    ci, laptop, odd = stored(CI), stored(MIA), stored(ODD)
    assert (ci.name, ci.team, ci.owner, ci.prefix) == ("CI of 'us'", backend, None, "sk-...abcd")
    assert (ci.allowed_routes, ci.tags, ci.expires_at, ci.imported_from) == ("fast\ngone", "ci", None, "litellm")
    assert (laptop.owner, laptop.expires_at) == (mia, datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert (laptop.allowed_routes, laptop.disabled_at) == ("", None)
    assert (odd.team.name, odd.team.enabled, odd.disabled_at is not None) == ("Old", False, True)
    assert "key CI of 'us': no route is called gone" in output
    assert "key CI of 'us': 1 of its tags" in output
    assert "+ limit of key laptop of Backend: 10 requests a minute" in output
    assert "+ budget of team Backend: $500.00 in total, hard" in output
    assert "1 keys have a user who is no member of their team here: they are service keys." in output
    assert "2026-09: 10 requests, 1.50 USD\n  2026-10: 21 requests, 2.50 USD" in output
    assert not any(token_of(secret) in output for secret in (CI, MIA, ODD))


def test_a_key_with_the_models_of_its_team_and_by_an_alias(run: Run) -> None:
    make_route("fast")
    Alias.objects.create(pattern="GPT-5", target="fast")
    teams = [team("t", "T", models=["gpt-5"]), team("free", "Free")]
    keys = [
        key("sk-a", key_alias="a", team_id="t"),
        key("sk-b", key_alias="b", team_id="t", models=["all-team-models"]),
        key("sk-c", key_alias="c", team_id="free", models=["all-proxy-models"]),
        key("sk-d", key_alias="d", team_id="free", models=["no-default-models"]),
        key("sk-e", key_alias="e", team_id="free", models=["fa*"]),
    ]
    output = run({TEAMS: teams, KEYS: keys})
    allowed = {row.name: row.allowed_routes for row in ClientKey.objects.all()}
    assert allowed == {"a": "fast", "b": "fast", "c": "", "d": "no-default-models", "e": "fa*"}
    assert output.count("no route is called") == 1


@pytest.mark.parametrize(
    ("of_team", "of_key", "allowed"),
    [
        (["fast"], ["all-proxy-models"], "fast"),
        (["fast"], ["*"], "fast"),
        (["fast", "slow"], ["slow", "other"], "slow"),
        (["fa*"], ["fast", "slow"], "fast"),
        (["fast", "slow"], ["fa*"], "fast"),
        (["fast"], ["other"], "no-default-models"),
        (["all-proxy-models"], ["other"], "other"),
        ([], ["other"], "other"),
    ],
)
def test_a_key_may_use_no_more_than_its_team(run: Run, of_team: list[str], of_key: list[str], allowed: str) -> None:
    make_route("fast")
    run({TEAMS: [team("t", "T", models=of_team)], KEYS: [key(CI, team_id="t", models=of_key)]})
    assert stored(CI).allowed_routes == allowed


def test_models_that_no_route_can_be_called_like_are_left_out(run: Run) -> None:
    make_route("fast")
    Alias.objects.create(pattern="GPT 5", target="fast")
    names = {"none": ["GPT 4o"], "one": ["GPT 4o", "gone"], "alias": ["gpt 5"]}
    keys = [key(f"sk-{name}", key_alias=name, models=models) for name, models in names.items()]
    output = run({KEYS: keys})
    allowed = {row.name: row.allowed_routes for row in ClientKey.objects.all()}
    assert allowed == {"none": "no-default-models", "one": "gone", "alias": "fast"}
    assert output.count("models with white space: GPT 4o") == 2
    text = export_text(with_keys=True)
    ClientKey.objects.all().delete()
    import_configuration(read_text(text), write=True)
    assert {row.name: row.allowed_routes for row in ClientKey.objects.all()} == allowed


def test_teams_that_are_called_the_same_stay_apart(run: Run) -> None:
    ids = ["team-prod-1", "team-prod-2", "other"]
    run({TEAMS: [team(id_, "T") for id_ in ids], KEYS: [key(f"sk-{id_}", team_id=id_) for id_ in ids]})
    assert {stored(f"sk-{id_}").team.name for id_ in ids} == {"T (team-prod-1)", "T (team-prod-2)", "T (other)"}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"token": "sk-plain-text"}, "no SHA-256"),
        ({"token": None}, "no SHA-256"),
        ({"expires": "2020-01-01 00:00:00"}, "it expired on 2020-01-01"),
        ({"expires": "soon"}, "no moment"),
        ({"team_id": "unknown"}, "its team unknown is not in the dump"),
        ({"team_id": "litellm-dashboard"}, "a session of LiteLLM's own pages"),
    ],
)
def test_a_row_that_is_not_imported_is_named_by_its_line(run: Run, values: dict[str, Any], why: str) -> None:
    output = run({KEYS: [key("sk-bad", **values), key("sk-good")]})
    (line,) = [line for line in output.splitlines() if line.startswith("!")]
    assert why in line
    assert "line 12" in line
    assert "2 created, 0 changed, 0 unchanged, 1 refused." in output
    assert stored("sk-good").team.name == "LiteLLM"
    assert "sk-plain-text" not in output


def test_a_key_that_lasts_to_the_end_of_the_calendar_never_expires(run: Run) -> None:
    run({KEYS: [key("sk-a", expires="9999-12-31 23:59:59"), key("sk-b", expires="infinity")]})
    assert {row.expires_at for row in ClientKey.objects.all()} == {None}


def test_rows_that_are_none_and_rows_that_are_too_long(run: Run) -> None:
    dump = copied({KEYS: [key("sk-long", metadata={"x": "y" * 5_000_000}), key("sk-good")]})
    dump = dump.replace("\\.\n", "one\ttwo\n\\.\n", 1)
    output = run(dump)
    assert "the row is too long" in output
    assert "it has 2 values for 22 columns" in output
    assert ClientKey.objects.get().hash == token_of("sk-good")


@pytest.mark.parametrize("text", ["y" * 5_000_000, "';\n" * 2_000_000])
@pytest.mark.parametrize("table", [KEYS, "LiteLLM_SpendLogs"])
def test_a_statement_that_is_too_long_ends_where_it_ends(run: Run, table: str, text: str) -> None:
    long = inserted({table: [key("sk-long", key_alias=text)]})
    output = run(long + inserted({KEYS: [key("sk-good")]}) + inserted({KEYS: [key("sk-next")]}))
    assert output.count("the statement is too long") == (table == KEYS)
    assert {row.hash for row in ClientKey.objects.all()} == {token_of("sk-good"), token_of("sk-next")}


@pytest.mark.parametrize("form", [copied, inserted])
def test_a_dump_that_was_cut_off_says_so(run: Run, form: Callable[[Tables], str]) -> None:
    dump = form({KEYS: [key("sk-good"), key("sk-next")]}).rstrip("\n").removesuffix("\\.").removesuffix(";")
    output = run(dump)
    assert "the dump ends in the middle of the table: make it again" in output
    assert stored("sk-good").team.name == "LiteLLM"


def test_a_csv_file_that_is_cut_by_its_reader_is_not_read_in_part(run: Run, tmp_path: Path) -> None:
    keys = [key("sk-good"), key("sk-long", metadata={"x": "y" * 5_000_000}), key("sk-next")]
    with pytest.raises(CommandError, match=r"csv: what follows line 2 .*JSON"):
        run(folder({KEYS: keys}, tmp_path / "export", "csv"))
    assert not ClientKey.objects.exists()


def test_only_a_line_feed_ends_a_row_of_jsonl(run: Run, tmp_path: Path) -> None:
    export = folder({KEYS: [key(CI, key_alias="a\u2028b\x85c")]}, tmp_path / "export", "jsonl")
    (file,) = export.iterdir()
    file.write_bytes(json.dumps(json.loads(file.read_text()), ensure_ascii=False).encode() + b"\r\n\r\n")
    assert "2 created" in run(export)
    assert stored(CI).name == "a b c"


def test_texts_with_every_escape(run: Run) -> None:
    alias = "tab\t nl\n back\\slash \\N \\t 'q' \b\f\v\r."
    for n, dump in enumerate((copied, inserted)):
        rows = [key(f"sk-{n}", key_alias=alias), key(f"sk-n{n}", key_alias="\\N"), key(f"sk-e{n}", key_alias="")]
        run(dump({KEYS: rows}))
        assert stored(f"sk-{n}").name.startswith(r"tab nl back\slash \N \t 'q' .")
        assert stored(f"sk-n{n}").name.startswith(r"\N")
        assert stored(f"sk-e{n}").name.startswith("LiteLLM key ")


def test_a_text_in_another_table_is_no_statement(run: Run) -> None:
    trap = f'INSERT INTO public."{KEYS}" VALUES (\'x\');\nCOPY public."{KEYS}" (token) FROM stdin;\nx\n\\.\n'
    logs = [{"request_id": "1", "messages": trap}]
    for dump in (
        copied({"LiteLLM_SpendLogs": logs, KEYS: [key(CI)]}),
        inserted({"LiteLLM_SpendLogs": logs, KEYS: [key(CI)]}),
    ):
        assert "refused" in run(dump)
        assert "0 refused" in run(dump)
    assert ClientKey.objects.get().hash == token_of(CI)


def test_names_that_are_taken_and_a_key_of_this_gateway(run: Run) -> None:
    own = Team.objects.create(name="T")
    ClientKey.objects.create(team=own, name="mine", prefix="sk-px-abcd", hash=token_of("sk-mine"))
    keys = [key(f"sk-{n}", key_alias="mine", team_id="t") for n in "ab"] + [key("sk-mine", team_id="t")]
    output = run({TEAMS: [team("t", "T"), team("long-id-2", "T")], KEYS: keys})
    assert "which was not imported" in output
    assert sorted(row.name[:6] for row in ClientKey.objects.all()) == ["mine", "mine", "mine ("]
    assert {row.name for row in Team.objects.all()} == {"T", "T (t)", "T (long-id-)"}


def test_too_many_keys_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("configuration.foreign.litellm_keys.dump.MOST_ROWS", 2)
    with pytest.raises(CommandError, match="more than 2 keys, teams, users and budgets"):
        run({KEYS: [key(f"sk-{n}") for n in range(3)]})
    assert "3 created" in run({KEYS: [key(f"sk-{n}") for n in range(2)]})


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"PGDMP\x01\x0e", "--format=plain"), (b"nothing\n", "No row of"), (b"", "No row of"), (None, "No such file")],
)
def test_what_is_no_dump_says_what_to_do(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "dump"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=why):
        call_command("import_litellm_keys", str(path), "--write")
