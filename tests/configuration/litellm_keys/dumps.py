"""Dumps of LiteLLM's tables as pg_dump and other exports write them, with the columns of its schema that matter."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

KEYS, TEAMS, USERS, SPEND = (
    *("LiteLLM_VerificationToken", "LiteLLM_TeamTable"),
    *("LiteLLM_UserTable", "LiteLLM_DailyUserSpend"),
)
BUDGETS, MEMBERSHIPS, END_USERS, TAGS = (
    *("LiteLLM_BudgetTable", "LiteLLM_TeamMembership"),
    *("LiteLLM_EndUserTable", "LiteLLM_TagTable"),
)
_TEXT = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r", "\b": r"\b", "\f": r"\f", "\v": r"\v"})


def token_of(secret: str) -> str:
    """What LiteLLM stores of a virtual key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def key(secret: str, **values: Any) -> dict[str, Any]:
    """A row of LiteLLM_VerificationToken."""
    return {
        "token": token_of(secret),
        "key_name": f"sk-...{secret[-4:]}",
        "key_alias": None,
        "spend": 1.25,
        "expires": None,
        "models": [],
        "aliases": {},
        "config": {},
        "user_id": None,
        "team_id": None,
        "permissions": {},
        "max_parallel_requests": None,
        "metadata": {},
        "blocked": None,
        "tpm_limit": None,
        "rpm_limit": None,
        "max_budget": None,
        "budget_duration": None,
        "budget_reset_at": None,
        "budget_id": None,
        "budget_limits": None,
        "model_max_budget": {},
        **values,
    }


def team(identity: str, alias: str | None, **values: Any) -> dict[str, Any]:
    """A row of LiteLLM_TeamTable."""
    return {
        "team_id": identity,
        "team_alias": alias,
        "metadata": {},
        "blocked": False,
        "models": [],
        "spend": 0.0,
        "max_budget": None,
        "soft_budget": None,
        "budget_duration": None,
        "budget_reset_at": None,
        "tpm_limit": None,
        "rpm_limit": None,
        "max_parallel_requests": None,
        "model_max_budget": {},
        **values,
    }


def budget(identity: str, **values: Any) -> dict[str, Any]:
    """A row of LiteLLM_BudgetTable, which keys and members of teams refer to."""
    return {
        "budget_id": identity,
        "max_budget": None,
        "soft_budget": None,
        "max_parallel_requests": None,
        "tpm_limit": None,
        "rpm_limit": None,
        "model_max_budget": None,
        "budget_duration": None,
        "budget_reset_at": None,
        **values,
    }


def user(identity: str, email: str | None = None, **values: Any) -> dict[str, Any]:
    """A row of LiteLLM_UserTable."""
    return {
        "user_id": identity,
        "user_alias": None,
        "user_email": email,
        "sso_user_id": None,
        "password": "scrypt:secret",
        "spend": 0.0,
        "max_budget": None,
        "budget_duration": None,
        "tpm_limit": None,
        "rpm_limit": None,
        **values,
    }


def day(date: str, requests: int, spend: float) -> dict[str, Any]:
    """A row of LiteLLM_DailyUserSpend."""
    return {"id": date, "user_id": "u", "date": date, "api_key": "0" * 64, "api_requests": requests, "spend": spend}


Tables = dict[str, list[dict[str, Any]]]


def copied(tables: Tables) -> str:
    """A plain dump with COPY blocks, which is what pg_dump writes by itself."""
    text = "--\n-- PostgreSQL database dump\n--\n\nSET standard_conforming_strings = on;\n\n"
    for table, rows in tables.items():
        text += f"--\n-- Data for Name: {table}; Type: TABLE DATA; Schema: public; Owner: llm\n--\n\n"
        text += f'COPY public."{table}" ({", ".join(map(_quoted, rows[0]))}) FROM stdin;\n'
        for row in rows:
            text += "\t".join(
                r"\N" if (plain := _plain(value)) is None else plain.translate(_TEXT) for value in row.values()
            )
            text += "\n"
        text += "\\.\n\n\n"
    return text


def inserted(tables: Tables, *, with_columns: bool = False, many: bool = False) -> str:
    """A plain dump with INSERT statements: pg_dump --inserts, --column-inserts or --rows-per-insert."""
    text = ""
    for table, rows in tables.items():
        columns = list(map(_quoted, rows[0]))
        defined = ",\n".join(f"    {name} text" for name in columns)
        text += f'CREATE TABLE public."{table}" (\n{defined},\n    CONSTRAINT pk CHECK (true)\n);\n\n'
        names = f" ({', '.join(columns)})" if with_columns else ""
        tuples = ["(" + ", ".join(_literal(value) for value in row.values()) + ")" for row in rows]
        if many:
            text += f'INSERT INTO public."{table}"{names} VALUES\n\t' + ",\n\t".join(tuples) + ";\n"
        else:
            text += "".join(f'INSERT INTO public."{table}"{names} VALUES {one};\n' for one in tuples)
    return text


def folder(tables: Tables, path: Path, ending: str) -> Path:
    """A folder with a file of each table."""
    path.mkdir()
    for table, rows in tables.items():
        file = path / f"public.{table}.{ending}"
        if ending == "json":
            file.write_text(json.dumps(rows))
        elif ending == "jsonl":
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            with file.open("w", newline="") as opened:
                writer = csv.writer(opened)
                writer.writerow(rows[0])
                writer.writerows([_plain(value) for value in row.values()] for row in rows)
    return path


def _quoted(name: str) -> str:
    return f'"{name}"' if name == "user" else name


def _plain(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        return "{" + ",".join('"' + item.replace("\\", r"\\").replace('"', r"\"") + '"' for item in value) + "}"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return "'" + (_plain(value) or "").replace("'", "''") + "'"
