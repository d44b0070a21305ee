"""Every sentence about a failure has a code of its own, and docs/sentences.md lists them all."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("access", "usage", "providers", "routing", "streaming", "configuration", "proxysite")
MAKERS = {"Sentence", "_invalid", "_why"}
"""What makes a sentence of a template, its first argument, and of `code`."""
PARTS = {
    # Of a sentence that has a code, or takes it from one of its arguments.
    "This client key", "This gateway", "Whoever has no valid client key", "{name}: {cause}", " (HTTP {status})",
    "Your playground", "The provider {provider} {what}{status}.", "{sentence} (provider {provider})", "",
    "this client key", "all your client keys together", "your client keys of team {team} together",
    "all client keys of team {team} together",
    " for the models {names}", "a lead of your team", "an administrator of this gateway",
    "ask for more at /my/ of this gateway: its owners and administrators decide",
    "ask for more at /my/ of this gateway: a lead of your team or an administrator decides",
    "ask a lead of your team or an administrator of this gateway (if you have an account, at its /my/)",
    # Of a decision.
    "the subagent tag names {tag!r}, which is unknown", "the custom callable named {name!r}, which is unknown",
}  # fmt: skip
_ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (.*) \|$", re.MULTILINE)


def _made() -> Iterator[tuple[str, str, str]]:
    """Yields where each sentence is made, its template and its code."""
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
        constants: dict[str, str] = {}
        for node in ast.walk(tree := ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                constants |= {name.id: str(node.value.value) for name in node.targets if isinstance(name, ast.Name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                code = next((each.value for each in node.keywords if each.arg == "code"), ast.Constant(""))
                template = _text(node.args[0], constants)
                if isinstance(code, ast.Constant) and template is not None:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", template, str(code.value)
                else:
                    assert isinstance(code, ast.Name), f"{path}:{node.lineno}: give the template and the code as text"


def _text(node: ast.expr, constants: dict[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return constants.get(name)
        case ast.BinOp(left=left, right=right):
            parts = _text(left, constants), _text(right, constants)
            return None if None in parts else f"{parts[0]}{parts[1]}"
    return None


def test_every_sentence_has_a_code_of_its_own() -> None:
    by_code = defaultdict(set)
    for place, template, code in _made():
        if template in PARTS:
            assert not code, place
            continue
        assert re.fullmatch("[a-z0-9_]{3,64}", code), f"{place} has no code"
        by_code[code].add(template)
    assert len(by_code) > 80
    assert {code: templates for code, templates in by_code.items() if len(templates) > 1} == {}


def test_the_docs_list_every_code_with_its_sentence() -> None:
    """A row that is missing in the docs must be added; one that is there stays, because rows in databases have it."""
    wanted = {code: template.replace("|", "\\|") for _, template, code in _made() if code}
    listed = dict(_ROW.findall((ROOT / "docs/sentences.md").read_text()))
    lines = [f"| `{code}` | {template} |" for code, template in sorted(wanted.items())]
    assert listed == wanted, "docs/sentences.md should have:\n" + "\n".join(lines)
    assert list(listed) == sorted(listed)
