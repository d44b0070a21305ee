""".env.example documents every name that is read, with its default and what it does."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import environ
import pytest

from proxysite.quickstart import ollama
from proxysite.quickstart.presets import PRESETS
from proxysite.settings import env
from tests.harness.gateway import ROOT

_ENTRY = re.compile(r"# ([A-Z][A-Z0-9_]*)=(.*)")


def _documented() -> dict[str, tuple[str, str]]:
    """Name -> (default as written, the text above it)."""
    found: dict[str, tuple[str, str]] = {}
    text: list[str] = []
    for line in (ROOT / ".env.example").read_text().splitlines():
        entry = _ENTRY.fullmatch(line)
        if entry:
            assert entry[1] not in found, f"{entry[1]} is there twice"
            found[entry[1]] = (entry[2], " ".join(text))
        elif line.startswith("#"):
            text.append(line.lstrip("# "))
        else:
            assert not line, f"not a comment: {line!r}"
            text = []
    return found


def _read_by_settings() -> dict[str, ast.Call]:
    """Name -> the call `env.type("NAME", default=…)` that reads it."""
    tree = ast.parse(Path(ROOT / "proxysite" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        call.args[0].value: call
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_every_name_that_is_read_is_documented_and_no_other() -> None:
    read = (
        set(_read_by_settings())
        | {p.key_variable for p in PRESETS}
        | {p.url_variable for p in PRESETS}
        | {ollama.VARIABLE}
    )
    assert set(_documented()) == read


def test_every_name_has_a_sentence() -> None:
    for name, (_, text) in _documented().items():
        assert len(text.split()) >= 3, f"{name} is not explained"


def _default(call: ast.Call) -> Any:
    """The default that a call gives, or None where it depends on other settings."""
    keyword = next(keyword for keyword in call.keywords if keyword.arg == "default")
    if any(isinstance(node, ast.Name) for node in ast.walk(keyword.value)):
        return None
    return eval(compile(ast.Expression(keyword.value), "settings.py", "eval"), {"__builtins__": {}})


_CONSTANT = {name: call for name, call in _read_by_settings().items() if _default(call) is not None}


@pytest.mark.parametrize("name", sorted(_CONSTANT))
def test_the_documented_default_is_the_real_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call = _CONSTANT[name]
    assert isinstance(call.func, ast.Attribute)
    monkeypatch.setenv(name, _documented()[name][0])
    arguments = [ast.literal_eval(argument) for argument in call.args]
    assert getattr(env, call.func.attr)(*arguments, default="not what is written") == _default(call)


def test_copied_as_it_is_it_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", read)
    environ.Env.read_env(ROOT / ".env.example")
    assert read == {}
