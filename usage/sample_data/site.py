"""Who uses the sample gateway and what there is: teams, people, keys, tags, routes and models, the same for a seed."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from random import Random
from uuid import UUID

import msgspec

from access.tags import CLAIMED, set_id

FIRST_ID = 900_001
TEAMS = (
    "Checkout", "Data Platform", "Design", "Growth", "Infrastructure", "Mobile", "Operations", "Payments", "Research",
    "Search", "Security", "Support",
)  # fmt: skip
PEOPLE = (
    "ada.moreau", "ben.okafor", "carla.lind", "chen.wei", "dario.costa", "dilara.kaya", "elif.demir", "emil.novak",
    "farah.aziz", "finn.olsen", "greta.hahn", "hana.sato", "hugo.martin", "ines.rocha", "ivan.petrov", "jana.vos",
    "jonas.berg", "kaia.nilsen", "kofi.mensah", "lea.fischer", "liam.byrne", "lucia.romero", "mads.holm", "maya.cohen",
    "mina.park", "nadia.haddad", "noah.weber", "nora.lehto", "omar.farouk", "oscar.lund", "paula.silva", "priya.nair",
    "quinn.doyle", "rafael.diaz", "rosa.marin", "samir.khan", "tara.walsh", "theo.laurent", "yuki.mori", "zoe.keller",
)  # fmt: skip
KEYS, SERVICE_EVERY = 200, 3
"""Client keys; every third one is a service key, which has no owner."""
_PLACES = ("laptop", "workstation", "editor", "terminal", "notebook")
_SERVICES = ("ci", "nightly", "review-bot", "triage", "docs-bot", "batch")
TAGS = (
    *("ci", "nightly", "web", "ios", "android", "backend", "frontend", "batch", "interactive", "experiment"),
    *("review", "docs", "migration", "incident", "onboarding", "eval", "prod", "staging", "billing", "analytics"),
    *(f"project-{name}" for name in ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron")),
    *(f"{CLAIMED}project-{name}" for name in ("iris", "juniper")),
)
# Provider, dialect, and its models: name, and pico-dollars per token of input, cache read, cache write and output.
_PROVIDERS = (
    ("aurora", "anthropic", ("large-4", "medium-4", "small-4", "medium-3", "small-3")),
    ("borealis", "openai_responses", ("pro-5", "main-5", "mini-5", "nano-5", "coder-5")),
    ("cirrus", "gemini", ("ultra-3", "flash-3", "lite-3", "flash-2")),
    ("delta-cloud", "anthropic", ("aurora-large-4", "aurora-medium-4", "aurora-small-4", "aurora-medium-3")),
    ("ember", "openai_chat", ("reason-2", "chat-2", "coder-2", "chat-1")),
    ("fjord-local", "ollama", ("open-120b", "open-32b", "open-8b")),
)
_PRICES = (
    (5_000_000, 500_000, 6_250_000, 25_000_000), (3_000_000, 300_000, 3_750_000, 15_000_000),
    (1_000_000, 100_000, 1_250_000, 5_000_000), (300_000, 30_000, 0, 1_200_000), (90_000, 90_000, 0, 450_000),
)  # fmt: skip
_TASKS = ("coding", "review", "chat", "summaries", "extraction")
_PLACE_OF_TIER = {"best": 0, "balanced": 1, "fast": 2, "cheap": 3, "long": 0, "private": 4}
"""At which place of _PRICES a tier's models are."""
_TIERS = tuple(_PLACE_OF_TIER)
ROUTES = tuple(f"{task}-{tier}" for task in _TASKS for tier in _TIERS)
_OF_A_TEAM = 8
"""Routes that a team uses."""
# The client, its version, and whether it is a coding agent with sessions.
_CLIENTS = (
    ("claude-cli", "2.1", True),
    ("Anthropic/Python", "0.8", False),
    ("vscode", "1.9", True),
    ("curl", "8.", False),
)


class Model(msgspec.Struct, frozen=True):
    """A provider's model; prices are pico-dollars per token of input, cache read, cache write and output."""

    id: int
    name: str
    provider_id: int
    provider_name: str
    dialect: str
    prices: tuple[int, int, int, int]


class Route(msgspec.Struct, frozen=True):
    """A route, with the model that is asked first and the one that is asked next."""

    id: int
    name: str
    first: Model
    next: Model


class Key(msgspec.Struct, frozen=True):
    """A client key: whose it is, and what its client sends."""

    id: int
    name: str
    team: int
    owner: int | None
    tags: list[str]
    tags_id: UUID
    client_name: str
    client_version: str
    is_agent: bool
    routes: tuple[Route, ...]
    """The one that it uses most first."""


class Site(msgspec.Struct, frozen=True):
    """Everything there is, and how much of the work each key does: `shares` are cumulative."""

    models: tuple[Model, ...]
    routes: tuple[Route, ...]
    keys: tuple[Key, ...]
    shares: tuple[float, ...]


@lru_cache(maxsize=4)
def site_of(seed: int) -> Site:
    """Returns the site of a seed."""
    random = Random(seed)  # noqa: S311
    models, routes = _models(), []
    for at, name in enumerate(ROUTES):
        alike = [model for model in models if model.prices == _PRICES[_PLACE_OF_TIER[name.split("-")[1]]]]
        first = alike[at // len(_TIERS) % len(alike)]
        following = random.choice([model for model in alike if model.provider_id != first.provider_id])
        routes.append(Route(FIRST_ID + at, name, first, following))
    shuffled = random.sample(routes, len(routes))
    of_teams = [
        [shuffled[(team * _OF_A_TEAM + at) % len(routes)] for at in range(_OF_A_TEAM)] for team in range(len(TEAMS))
    ]
    keys = tuple(_key(at, of_teams, random) for at in range(KEYS))
    # A few keys do most of the work.
    ranks = random.sample(range(KEYS), KEYS)
    return Site(tuple(models), tuple(routes), keys, tuple(accumulate(1 / (rank + 1) ** 0.8 for rank in ranks)))


def _models() -> list[Model]:
    found: list[Model] = []
    for at, (provider, dialect, names) in enumerate(_PROVIDERS):
        for place, name in enumerate(names):
            prices = _PRICES[place] if provider != "fjord-local" else _PRICES[-1]
            found.append(Model(FIRST_ID + len(found), f"{provider}/{name}", FIRST_ID + at, provider, dialect, prices))
    return found


def _key(at: int, of_teams: list[list[Route]], random: Random) -> Key:
    is_service = at % SERVICE_EVERY == SERVICE_EVERY - 1
    owner = None if is_service else at % len(PEOPLE)
    # A person is in one team, few are in two.
    team = random.randrange(len(TEAMS)) if owner is None or random.random() < 0.1 else owner % len(TEAMS)
    name = random.choice(_SERVICES) if owner is None else f"{PEOPLE[owner].split('.')[0]}-{random.choice(_PLACES)}"
    tags = sorted(random.sample(TAGS, random.choice((0, 1, 1, 2, 3))))
    client, version, is_agent = _CLIENTS[random.choice((0, 0, 0, 2, 1) if owner is not None else (0, 1, 1, 3))]
    version = f"{version}{random.randrange(3)}"
    routes = tuple(random.sample(of_teams[team], _OF_A_TEAM))
    return Key(FIRST_ID + at, f"{name}-{at + 1}", team, owner, tags, set_id(tags), client, version, is_agent, routes)
