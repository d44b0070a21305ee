"""`./gateway import_concepts`: a taxonomy of Markdown files becomes concepts, and what cannot is reported."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from providers.models import Model, Provider
from routing.models import Candidate, Concept, Route
from routing.taxonomy import parse

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LOW_COST = """# Low Cost

For requests that may take their time.

synonyms:: Slow & cheap, budget,  economy
route:: deepseek, deepseek-chat
priority:: 30
"""


@pytest.fixture
def taxonomy(tmp_path: Path) -> Path:
    folder = tmp_path / "taxonomy"
    (folder / "routing_scenarios").mkdir(parents=True)
    (folder / "routing_scenarios" / "low_cost.md").write_text(LOW_COST)
    (folder / "think.md").write_text("# Think\n- synonyms:: think, step by step\n- routing:: OpenRouter, a/b:beta\n")
    (folder / "README.md").write_text("# About\n\nNothing to route here.\n")
    (folder / "plan.md").write_text("# Plan\nsynonyms:: plan the implementation\n")
    (folder / "notes.md").write_text("No heading at all.\n")
    return folder


@pytest.fixture
def models() -> dict[str, Model]:
    rows = {}
    for provider, model in (("DeepSeek", "deepseek-chat"), ("openrouter", "a/b:beta")):
        row, _ = Provider.objects.get_or_create(name=provider, dialect="openai_chat", base_url="https://example.com")
        rows[model] = Model.objects.create(provider=row, name=model)
    return rows


def run(path: Path, *options: str) -> list[str]:
    out = io.StringIO()
    call_command("import_concepts", str(path), *options, stdout=out)
    return out.getvalue().splitlines()


def everything() -> tuple[list[tuple[str, str, str, int]], list[str]]:
    concepts = Concept.objects.order_by("name").values_list("name", "synonyms", "route__name", "priority")
    return list(concepts), list(Route.objects.order_by("name").values_list("name", flat=True))


def test_a_dry_run_says_what_would_change_and_changes_nothing(taxonomy: Path, models: dict[str, Model]) -> None:
    lines = run(taxonomy)
    assert "+ route DeepSeek:deepseek-chat" in lines
    assert "+ concept low_cost → DeepSeek:deepseek-chat, priority 30: slow & cheap, budget, economy" in lines
    assert "+ concept think → openrouter:a/b:beta, priority 50: think, step by step" in lines
    assert "! plan.md: plan has no route:: line: add the concept in the admin, with a route." in lines
    assert not any("README" in line or "notes" in line for line in lines)
    assert "--write" in lines[-1]
    assert everything() == ([], [])


def test_written_once_there_is_nothing_left_to_do(taxonomy: Path, models: dict[str, Model]) -> None:
    run(taxonomy, "--write")
    assert everything() == (
        [
            ("low_cost", "slow & cheap, budget, economy", "DeepSeek:deepseek-chat", 30),
            ("think", "think, step by step", "openrouter:a/b:beta", 50),
        ],
        ["DeepSeek:deepseek-chat", "openrouter:a/b:beta"],
    )
    assert Candidate.objects.get(route__name="openrouter:a/b:beta").model == models["a/b:beta"]
    assert "0 changes; 2 concepts are up to date." in run(taxonomy, "--write")


def test_an_existing_concept_is_changed_and_the_change_is_reported(taxonomy: Path, models: dict[str, Model]) -> None:
    route = Route.objects.create(name="cheap")
    Concept.objects.create(name="low_cost", synonyms="budget", route=route, priority=30)
    lines = run(taxonomy, "--write")
    assert (
        "~ concept low_cost: synonyms budget → slow & cheap, budget, economy; route cheap → DeepSeek:deepseek-chat"
        in lines
    )
    assert Concept.objects.get(name="low_cost").route.name == "DeepSeek:deepseek-chat"


def test_a_models_own_route_is_taken_rather_than_a_second_one_made(taxonomy: Path, models: dict[str, Model]) -> None:
    own = Route.objects.create(name="deepseek-chat")
    Candidate.objects.create(route=own, model=models["deepseek-chat"])
    other = Route.objects.create(name="a/b:beta")
    Candidate.objects.create(route=other, model=models["deepseek-chat"])
    run(taxonomy, "--write")
    assert Concept.objects.get(name="low_cost").route == own
    assert Concept.objects.get(name="think").route.name == "openrouter:a/b:beta"


def test_what_does_not_exist_is_reported_and_the_rest_is_imported(taxonomy: Path, models: dict[str, Model]) -> None:
    models["a/b:beta"].delete()
    (taxonomy / "gone.md").write_text("# Gone\nroute:: nobody, x\n")
    lines = run(taxonomy, "--write")
    provider = "! think.md: think: the provider OpenRouter does not exist, or has no models: add it, then import again."
    assert provider in lines
    assert any(line.startswith("! gone.md: gone: the provider nobody does not exist") for line in lines)
    assert list(Concept.objects.values_list("name", flat=True)) == ["low_cost"]


def test_one_file_and_no_file(taxonomy: Path, models: dict[str, Model]) -> None:
    run(taxonomy / "think.md", "--write")
    assert [concept.name for concept in Concept.objects.all()] == ["think"]
    with pytest.raises(CommandError, match="does not exist"):
        run(taxonomy / "none")
    (taxonomy / "empty").mkdir()
    with pytest.raises(CommandError, match=r"no \.md file"):
        run(taxonomy / "empty")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("route:: only-a-provider", "not of the form"),
        ("route:: , model", "not of the form"),
        ("route:: a, b | c, d", "the fallbacks c, d"),
        ("route:: a, b\nroute:: c, d", "only the first route:: is used"),
        ("priority:: high", "no number from 0 to 100"),
        ("priority:: 101", "no number from 0 to 100"),
        ("priority:: 5\npriority:: 6", "or is the second one"),
        ("weight:: 3", "weight:: is not supported"),
    ],
)
def test_what_cannot_be_imported_is_reported_with_its_line(line: str, why: str) -> None:
    found, unsupported = parse("x.md", f"# X\n\n{line}\n")
    assert found is not None
    assert found.name == "x"
    assert len(unsupported) == 1
    assert why in unsupported[0].why
    assert unsupported[0].place == f"x.md, line {2 + len(line.splitlines())}"


def test_what_is_no_concept() -> None:
    assert parse("x.md", "just words") == (None, [])
    assert parse("x.md", "# Words\n\nonly") == (None, [])
    assert parse("x.md", "synonyms:: a\n")[1][0].why == "it has no # heading, so it is no concept"
    assert parse("x.md", f"# {'x' * 200}\npriority:: 5")[0] is None
    found, unsupported = parse("x.md", "# A  b\n```\nroute:: a, b\n```\nSynonyms:: É, é ,, b\nsynonyms:: c\n")
    assert unsupported == []
    assert found is not None
    assert (found.name, found.synonyms, found.provider) == ("a_b", ("é", "b", "c"), "")


def test_a_file_that_is_no_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_bytes(b"\xff\xfe\x00")
    assert any("cannot be read" in line for line in run(tmp_path))
