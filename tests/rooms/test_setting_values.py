"""Each setting with choices or bounds: another value is an error that names both, before anything is served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import run_checks

from tests.harness.gateway import ROOT

CHOICES = {
    "REVOKED_KEYS": ("gateway.E008", "cut", "finish"),
    "STORE_END_USERS": ("gateway.E009", "hash", "plain", "off"),
    "QUOTA_PROBE": ("gateway.E012", "answer", "forward"),
    "UNPRICED_MODELS": ("gateway.E015", "refuse", "serve"),
    "UNREADABLE_BUDGETS": ("gateway.E015", "refuse", "serve"),
    "PAGES": ("gateway.E016", "inline", "apart"),
    "UNACCOUNTED": ("gateway.E018", "refuse", "serve"),
    "DISABLED_ROUTES": ("gateway.E018", "refuse", "default"),
    "UPSTREAM_TRANSPORT": ("gateway.E018", "wire", "aiohttp"),
    "JOURNAL_FSYNC": ("gateway.E018", "interval", "always"),
    "LIMIT_INPUT_TOKENS": ("gateway.E006", "uncached", "all"),
}
"""The id of the check, and the values."""
_SETTINGS = (ROOT / "proxysite" / "settings.py").read_text()
NUMBERS = {
    variable: name for name, variable in re.findall(r'^(\w+) = env\.(?:int|float)\("(\w+)"', _SETTINGS, re.MULTILINE)
}
"""The settings that are numbers, by their variables."""


def found(name: str) -> list[tuple[str, str]]:
    """Our own findings about a setting: id and what the check says, with its hint."""
    ours = [one for one in run_checks() if str(one.id).startswith("gateway.") and one.msg.startswith(f"{name} ")]
    return [(str(one.id), f"{one.msg} {one.hint}") for one in ours]


@pytest.mark.parametrize("name", CHOICES)
def test_a_misspelt_choice_is_an_error(settings: Any, name: str) -> None:
    check, *values = CHOICES[name]
    for value in values:
        setattr(settings, name, value)
        assert found(name) == []
    # As a person writes it who has other settings in mind.
    for misspelt in (values[0].capitalize(), "true", ""):
        setattr(settings, name, misspelt)
        ((id, words),) = found(name)
        assert id == check
        assert all(word in words for word in (repr(misspelt), f"Set {name}=", *values))


@pytest.mark.parametrize("variable", NUMBERS)
def test_no_number_may_be_what_nothing_could_keep_to(settings: Any, variable: str) -> None:
    for bad in (-1, float("nan")):
        setattr(settings, NUMBERS[variable], bad)
        ((id, words), *_) = found(variable)
        assert (id, words.partition(", but")[0]) == ("gateway.E006", f"{variable} is {bad}")


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("BUDGET_SLICE_TOKENS", 0, 1),
        ("WORKERS", 0, 1),
        ("CIRCUIT_FAILURES", 0, 1),
        ("PING_SECONDS", 0.0, 0.1),
        ("LONGEST_LIMIT_WAIT", -1, 0),
        ("DRAIN_DELAY", -0.1, 0.0),
        ("USAGE_LINGER", -0.1, 0.0),
        ("USAGE_LINGER", 1.6, 1.5),
        ("SESSION_IDLE_SECONDS", -0.1, 0.0),
    ],
)
def test_where_the_bounds_are(settings: Any, name: str, bad: float, good: float) -> None:
    setattr(settings, name, bad)
    assert found(name)
    setattr(settings, name, good)
    assert found(name) == []


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("LOG_FORMAT", "xml", "LOG_FORMAT is malformed: 'xml' is none of text, json."),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is malformed: 'LOUD' is none of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        ("TIME_ZONE", "Berlin", "TIME_ZONE is malformed: 'Berlin' is no time zone such as Europe/Berlin."),
        ("UNACCOUNTED", "Serve", "UNACCOUNTED is 'Serve', which is neither refuse nor serve."),
    ],
)
def test_a_command_ends_with_the_reason(variable: str, value: str, words: str) -> None:
    done = _check(**{variable: value})
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_capitals_are_no_mistake_in_the_level_and_the_format_of_logs() -> None:
    assert _check(LOG_LEVEL="debug", LOG_FORMAT="JSON").returncode == 0


@pytest.mark.parametrize("level", ["WARN", "warn", "FATAL"])
def test_pythons_other_names_of_levels_are_no_mistake(level: str) -> None:
    assert _check(LOG_LEVEL=level).returncode == 0


def _check(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "SECRET_KEY": "k" * 50, **variables},
        capture_output=True,
        text=True,
    )
