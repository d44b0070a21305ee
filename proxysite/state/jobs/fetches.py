"""Asks providers which models they have: says which are new, and which configured ones are not listed. Adds nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import msgspec
from asgiref.sync import async_to_sync

from providers.config import ProviderConfig
from providers.model_list import ListedModel
from providers.models import Model, Provider
from providers.outbound.model_lists import NoModelList, model_list
from proxysite.console.providers.usable import NotUsable, providers, usable
from proxysite.state.jobs.work import Progress, Refused, Result, person_of
from proxysite.state.models import Job
from routing.models import Candidate

PERMISSION: Final = "providers.use_credential"
AT_ONCE: Final = 8
"""Providers that are asked at the same time."""
MOST_NAMES: Final = 200
"""Models of a provider that are named as new, and as not listed."""


class Unlisted(msgspec.Struct, frozen=True):
    """A model that is configured here and not listed by its provider, with the routes that have it as a candidate."""

    name: str
    routes: list[str]


class Fetched(msgspec.Struct, frozen=True):
    """What a provider's list said, or why there is none (`problem`). Names are the first MOST_NAMES of each count."""

    provider_id: int
    name: str
    listed: int = 0
    new: list[str] = []
    new_count: int = 0
    unlisted: list[Unlisted] = []
    unlisted_count: int = 0
    problem: str = ""


def fetch(job: Job, progress: Progress) -> Result:
    """Fetches the lists of those that were ticked, or of all that are enabled. Raises Refused, what `progress` raises
    and django.db.Error."""
    person = person_of(job)
    if person is None or not person.has_perm(PERMISSION):
        raise Refused("Whoever asked for it may not use credentials any more.")
    ticked = job.options["providers"]
    rows = list(Provider.objects.filter(**({"pk__in": ticked} if ticked else {"enabled": True})).order_by("name"))
    try:
        enabled = providers()
    except NotUsable as error:
        raise Refused(str(error)) from error
    found: list[Fetched] = []
    progress(0, len(rows), "providers")
    for at in range(0, len(rows), AT_ONCE):
        some = rows[at : at + AT_ONCE]
        answers = async_to_sync(_ask)(enabled, [row.pk for row in some])
        found += [_compared(row, answer) for row, answer in zip(some, answers, strict=True)]
        progress(len(found), len(rows), "providers")
    return Result([_sum(found)], {"providers": msgspec.to_builtins(found)})


async def _ask(enabled: Mapping[int, ProviderConfig], ids: list[int]) -> list[list[ListedModel] | str]:
    return await asyncio.gather(*(_one(enabled, provider_id) for provider_id in ids))


async def _one(enabled: Mapping[int, ProviderConfig], provider_id: int) -> list[ListedModel] | str:
    try:
        return await model_list(usable(enabled, provider_id))
    except NoModelList as error:
        return f"{error} {error.advice}".strip()
    except NotUsable as error:
        return str(error)


def _compared(provider: Provider, answer: list[ListedModel] | str) -> Fetched:
    if isinstance(answer, str):
        return Fetched(provider.pk, provider.name, problem=answer)
    listed = {model.name for model in answer}
    here = dict(Model.objects.filter(provider=provider).values_list("pk", "name"))
    new = sorted(listed - set(here.values()) - {_tagged(name) for name in here.values()}, key=str.lower)
    unlisted = sorted((name.lower(), name, pk) for pk, name in here.items() if listed.isdisjoint({name, _tagged(name)}))
    routes = _routes([pk for _, _, pk in unlisted[:MOST_NAMES]])
    return Fetched(
        provider.pk, provider.name, listed=len(listed),
        new=new[:MOST_NAMES], new_count=len(new),
        unlisted=[Unlisted(name, routes[pk]) for _, name, pk in unlisted[:MOST_NAMES]], unlisted_count=len(unlisted),
    )  # fmt: skip


def _tagged(name: str) -> str:
    """Returns the name as Ollama lists it, where a request may leave the tag out."""
    return f"{name}:latest"


def _routes(models: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    candidates = Candidate.objects.filter(model__in=models).order_by("route__name")
    for model_id, name in candidates.values_list("model_id", "route__name"):
        found[model_id].append(name)
    return found


def _sum(found: list[Fetched]) -> str:
    failed = sum(bool(one.problem) for one in found)
    new, unlisted = sum(one.new_count for one in found), sum(one.unlisted_count for one in found)
    asked = f"{len(found)} provider{'' if len(found) == 1 else 's'} asked"
    not_fetched = f", {failed} not fetched" if failed else ""
    return f"{asked}: {new:,} new, {unlisted:,} not listed{not_fetched}. Nothing was added."
