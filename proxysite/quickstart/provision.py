"""Creates the rows of a first start. Existing rows are not changed, except the demo's port; deleted rows do not come
back unless their provider does."""

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

from access.key_format import PREFIX as CLIENT_KEY_PREFIX
from access.keys import new_key
from access.models import ClientKey, Team
from providers.models import Credential, Model, Provider
from providers.outbound.addresses import is_own_network
from providers.pricing.price_list import listed_price
from providers.pricing.prices import Price
from proxysite.demo.models import MODELS
from proxysite.quickstart import ollama
from proxysite.quickstart.presets import CLAUDE, PRESETS, ModelPreset, ProviderPreset
from proxysite.templatetags.figures import route_to_show
from routing.models import Candidate, Route

ADMIN_NAME = "admin"
TEAM_NAME = "Default team"
KEY_NAME = "quickstart"
DEMO_NAME = "demo"
DEMO_ROUTE = "demo"

# Made up, so that the cost columns have values before there is a real provider.
_DEMO_PRICES = {
    "input": Decimal(1),
    "output": Decimal(5),
    "cache_read": Decimal("0.1"),
    "cache_write_5m": Decimal("1.25"),
}
_DEMO_NOTES = (
    "The built-in demo upstream: canned answers from a small server that `make run` starts beside the gateway. "
    "Its prices are made up. Disable or delete it once you have a provider."
)


class Provisioned(msgspec.Struct, frozen=True):
    """The result. `password` and `client_key` are set only if they were created now; `missing` is the reason why a
    configured provider is not there."""

    password: str | None
    client_key: str | None
    providers: tuple[str, ...]
    route: str
    missing: str = ""

    def __repr__(self) -> str:
        return f"Provisioned(providers={self.providers}, route={self.route!r})"


def provision(environ: Mapping[str, str], port: int) -> Provisioned:
    """Creates what is missing, all or nothing. Raises ValidationError for an invalid base URL."""
    # Before the transaction, because it waits for another server.
    known = Provider.objects.filter(name=ollama.NAME).exists()
    local = ollama.Found() if known else ollama.find(environ)
    with transaction.atomic():
        fresh = not Route.objects.exists()
        wanted = [preset for preset in PRESETS if _wanted(preset, environ)]
        if local.preset is not None:
            wanted.append(local.preset)
        created = [preset for preset in wanted if _provider(preset, environ)]
        _routes(created)
        if settings.DEMO_UPSTREAM and _demo(port):
            for model in Model.objects.filter(provider__name=DEMO_NAME).order_by("id"):
                _route(model.name, [model])
        _choose_default(created, fresh)
        return Provisioned(
            password=_administrator(),
            client_key=_client_key(),
            providers=tuple(Provider.objects.filter(enabled=True).values_list("name", flat=True)),
            route=route_to_show(),
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
    # A client key of this gateway in ANTHROPIC_API_KEY is for an SDK that calls it, not for a provider.
    return bool(secret) and not secret.startswith(CLIENT_KEY_PREFIX)


def _provider(preset: ProviderPreset, environ: Mapping[str, str]) -> bool:
    """Creates the provider with its credential and models; returns False if one of that name exists."""
    if Provider.objects.filter(name=preset.name).exists():
        return False
    variable = ollama.VARIABLE if preset.is_local else preset.url_variable
    base_url = preset.base_url if preset.is_local else environ.get(variable, "").strip() or preset.base_url
    # An address in the environment is set on purpose.
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


def _demo_base_url(port: int) -> str:
    """The base URL of the demo upstream of a gateway on `port`: the next port, on loopback."""
    return f"http://127.0.0.1:{port + 1}/v1"


def _demo(port: int) -> bool:
    """Creates the demo's provider and models and returns True; of an existing provider only the port is corrected."""
    provider, created = Provider.objects.get_or_create(
        name=DEMO_NAME,
        defaults={
            "dialect": "openai_chat",
            "base_url": _demo_base_url(port),
            "is_local": True,
            "is_demo": True,
            "notes": _DEMO_NOTES,
        },
    )
    if not created:
        if provider.is_demo and provider.base_url != _demo_base_url(port):
            Provider.objects.filter(pk=provider.pk).update(base_url=_demo_base_url(port))
        return False
    for name in MODELS:
        model = Model.objects.create(
            provider=provider,
            name=name,
            context_window=200_000,
            max_output=64_000,
            capabilities=["tools", "images", "thinking", "structured_output"],
        )
        Price.objects.create(model=model, source=Price.Source.PRESET, **_DEMO_PRICES)
    return True


def _model(provider: Provider, preset: ModelPreset) -> None:
    model = Model.objects.create(
        provider=provider,
        name=preset.name,
        context_window=preset.context_window,
        max_output=preset.max_output,
        capabilities=list(preset.capabilities),
    )
    # By the provider's name too: behind a custom base URL it is still that vendor's model.
    known = listed_price(provider.name, provider.base_url, model.name, timezone.now())
    amounts = known.amounts if known is not None else {kind: Decimal(text) for kind, text in preset.prices.items()}
    if amounts:
        source = Price.Source.PRESET if known is None else Price.Source.LIBRARY
        Price.objects.create(model=model, source=source, **amounts)


def _routes(created: Sequence[ProviderPreset]) -> None:
    """Creates routes for new providers: by a model's own name, by shared names, and for stand-ins where none exists."""
    answering: dict[str, list[Model]] = {}
    standing_in: dict[str, list[Model]] = {}
    for preset in created:
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
    """Creates a route over `models` in that order, unless a route of that name exists.

    One with a Claude model's name yields to rules, because Claude Code always asks for those names.
    """
    route, is_new = Route.objects.get_or_create(name=name, defaults={"yields": name in CLAUDE})
    if is_new:
        for position, model in enumerate(models):
            Candidate.objects.create(route=route, model=model, position=position)


def _choose_default(created: Sequence[ProviderPreset], fresh: bool) -> None:
    """Sets the default route of a new installation, and moves it from the demo to the first real provider."""
    name = created[0].default if created else DEMO_ROUTE
    current = Route.objects.filter(is_default=True).first()
    if current is None:
        if fresh:
            Route.objects.filter(name=name).update(is_default=True)
    elif created and not current.candidates.filter(model__provider__is_demo=False).exists():
        Route.objects.filter(pk=current.pk).update(is_default=False)
        Route.objects.filter(name=name).update(is_default=True)
