"""The rows of a first start. Nothing that exists is changed, but for the demo's port; nothing deleted comes back
unless its provider does."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from access.keys import PREFIX as CLIENT_KEY_PREFIX
from access.keys import new_key
from access.models import ClientKey, Team
from providers.models import Credential, Model, Provider
from providers.outbound.addresses import is_own_network
from providers.pricing.price_list import listed_price
from providers.pricing.prices import Price
from proxysite.quickstart import demo, ollama
from proxysite.quickstart.presets import CLAUDE, PRESETS, ModelPreset, ProviderPreset
from routing.models import Candidate, Route

ADMIN_NAME = "admin"
TEAM_NAME = "Default team"
KEY_NAME = "quickstart"


class Made(msgspec.Struct, frozen=True):
    """What there is to tell. `password` and `client_key` are set only when they were made just now; `missing` is why a
    provider that was asked for is not there."""

    password: str | None
    client_key: str | None
    providers: tuple[str, ...]
    route: str | None
    missing: str = ""

    def __repr__(self) -> str:
        return f"Made(providers={self.providers}, route={self.route!r})"


def provision(environ: Mapping[str, str], port: int) -> Made:
    """Make what is missing, all of it or nothing. Raises ValidationError for a base URL that is none."""
    # Before the transaction: it waits for another server.
    known = Provider.objects.filter(name=ollama.NAME).exists()
    local = ollama.Found() if known else ollama.find(environ)
    with transaction.atomic():
        fresh = not Route.objects.exists()
        wanted = [preset for preset in PRESETS if _wanted(preset, environ)]
        if local.preset is not None:
            wanted.append(local.preset)
        made = [preset for preset in wanted if _provider(preset, environ)]
        _routes(made)
        if settings.DEMO_UPSTREAM and demo.ensure_provider(port):
            for model in Model.objects.filter(provider__name=demo.PROVIDER_NAME).order_by("id"):
                _route(model.name, [model])
        _choose_default(made, fresh)
        return Made(
            password=_administrator(),
            client_key=_client_key(),
            providers=tuple(Provider.objects.filter(enabled=True).values_list("name", flat=True)),
            route=_route_to_show(),
            missing=local.why_not,
        )


def _administrator() -> str | None:
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists() or users.filter(username=ADMIN_NAME).exists():
        return None
    password = secrets.token_urlsafe(12)
    get_user_model().objects.create_superuser(ADMIN_NAME, password=password)
    return password


def _client_key() -> str | None:
    if ClientKey.objects.exists():
        return None
    team, _ = Team.objects.get_or_create(name=TEAM_NAME)
    new = new_key()
    ClientKey.objects.create(team=team, name=KEY_NAME, prefix=new.prefix, hash=new.hash)
    return new.secret


def _wanted(preset: ProviderPreset, environ: Mapping[str, str]) -> bool:
    secret = environ.get(preset.key_variable, "").strip()
    # A client key of ours in ANTHROPIC_API_KEY is for the SDK that calls this gateway, not for a provider.
    return bool(secret) and not secret.startswith(CLIENT_KEY_PREFIX)


def _provider(preset: ProviderPreset, environ: Mapping[str, str]) -> bool:
    """Make the provider with its credential and models; False if there is one of that name already."""
    if Provider.objects.filter(name=preset.name).exists():
        return False
    variable = ollama.VARIABLE if preset.is_local else preset.url_variable
    base_url = preset.base_url if preset.is_local else environ.get(variable, "").strip() or preset.base_url
    # Who set such an address in the environment means it.
    is_local = preset.is_local or is_own_network(base_url)
    provider = Provider(name=preset.name, dialect=preset.dialect, base_url=base_url, is_local=is_local)
    try:
        provider.full_clean()
    except ValidationError as error:
        raise ValidationError(f"{variable} is {base_url!r}. {' '.join(error.messages)}") from error
    provider.save()
    if not preset.is_local:
        # The secret stays in the environment: the row only names the variable.
        Credential.objects.create(provider=provider, source=Credential.Source.ENVIRONMENT, variable=preset.key_variable)
    for entry in preset.models:
        _model(provider, entry)
    return True


def _model(provider: Provider, preset: ModelPreset) -> None:
    model = Model.objects.create(
        provider=provider,
        name=preset.name,
        context_window=preset.context_window,
        max_output=preset.max_output,
        capabilities=list(preset.capabilities),
    )
    # By the provider's name too: behind an address of one's own it is still that maker's model.
    known = listed_price(provider.name, provider.base_url, model.name, timezone.now())
    amounts = known.amounts if known is not None else {kind: Decimal(text) for kind, text in preset.prices.items()}
    if amounts:
        Price.objects.create(model=model, **amounts)


def _routes(made: Sequence[ProviderPreset]) -> None:
    """Routes for new providers: a model's own name and the names it shares, with stand-ins where nothing else is."""
    answering: dict[str, list[Model]] = {}
    standing_in: dict[str, list[Model]] = {}
    for preset in made:
        rows = {row.name: row for row in Model.objects.filter(provider__name=preset.name)}
        for entry in preset.models:
            for name in (entry.name, *entry.routes):
                answering.setdefault(name, []).append(rows[entry.name])
            for name in entry.stands_in_for:
                standing_in.setdefault(name, []).append(rows[entry.name])
    for name, models in answering.items():
        _route(name, models)
    for name, models in standing_in.items():
        _route(name, models)


def _route(name: str, models: Iterable[Model]) -> None:
    """A route over `models` in that order; one that exists is somebody's choice and stays as it is.

    One with a Claude model's name yields to rules: Claude Code asks for those names, whatever the request is about.
    """
    route, created = Route.objects.get_or_create(name=name, defaults={"yields": name in CLAUDE})
    if created:
        for position, model in enumerate(models):
            Candidate.objects.create(route=route, model=model, position=position)


def _choose_default(made: Sequence[ProviderPreset], fresh: bool) -> None:
    """Give a new installation its default route, and take it from the demo when the first real provider comes."""
    name = made[0].default if made else demo.DEFAULT_ROUTE
    current = Route.objects.filter(is_default=True).first()
    if current is None:
        if fresh:
            Route.objects.filter(name=name).update(is_default=True)
    elif made and not current.candidates.filter(model__provider__is_demo=False).exists():
        Route.objects.filter(pk=current.pk).update(is_default=False)
        Route.objects.filter(name=name).update(is_default=True)


def _route_to_show() -> str | None:
    route = Route.objects.filter(enabled=True).order_by("-is_default", "id").first()
    return route.name if route else None
