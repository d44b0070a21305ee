"""Loads configuration rows into a snapshot, with `targeting`; nothing else queries them for requests."""

from __future__ import annotations

from collections import defaultdict

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef

from access.key_records import load_keys as load_keys
from access.keys import Keys
from providers.claude.support import support_of
from providers.client_fields import rules
from providers.client_fields.protocol import NAMING_MODELS
from providers.config import CredentialConfig, ModelConfig, ProviderConfig, Timeouts
from providers.credentials.binding import destination_of, why_inactive
from providers.dialects import DIALECTS
from providers.models import Credential, Model, Provider
from providers.platforms import PLATFORMS
from providers.platforms.contract import options_of
from providers.pricing.prices import schedules
from providers.transforms import TransformError, compile_chain_of, parse_chain
from providers.validation import check_platform, validate_base_url, validate_client_fields, validate_headers
from routing.loading import BrokenConfiguration as BrokenConfiguration
from routing.loading import targeting
from routing.loading.provider_secrets import credential_config, refusal_of, secret_headers, secret_of
from routing.models import Candidate, Route
from routing.snapshot import CandidateConfig, Order, RouteConfig, Snapshot
from usage.cost import Prices


def load_snapshot(revisions: dict[str, int], keys: Keys | None = None) -> Snapshot:
    """Returns the complete configuration; `keys` are taken as they are if given. Raises BrokenConfiguration."""
    providers = _providers()
    prices = schedules()
    models = {
        row.pk: _model(row, prices.get(row.pk, ()))
        for row in Model.objects.select_related("provider").filter(enabled=True, provider__enabled=True)
    }
    routes = _routes(providers, models)
    default = Route.objects.filter(enabled=True, is_default=True).values_list("name", flat=True).first()
    return Snapshot(
        keys=load_keys() if keys is None else keys,
        providers=providers,
        models=models,
        candidates=_callable(providers, models),
        routes=routes,
        disabled_routes=_disabled_routes(),
        default_route=routes.get(default) if default is not None else None,
        aliases=targeting.aliases(),
        scenarios=targeting.scenarios(routes),
        rules=targeting.rules(),
        concepts=targeting.concepts(),
        revisions=revisions,
    )


def _providers() -> dict[int, ProviderConfig]:
    has_credentials = Exists(Credential.objects.filter(provider=OuterRef("pk")))
    rows = {row.pk: row for row in Provider.objects.filter(enabled=True).annotate(has_credentials=has_credentials)}
    credentials: dict[int, list[Credential]] = defaultdict(list)
    for row in (
        Credential.objects.filter(enabled=True, provider__in=rows).select_related("provider").order_by("position", "id")
    ):
        credentials[row.provider_id].append(row)
    return {key: provider_config(row, credentials[key], needs_secret=row.has_credentials) for key, row in rows.items()}


def provider_config(row: Provider, credentials: list[Credential], *, needs_secret: bool) -> ProviderConfig:
    """Returns a provider, stored or not, as requests use it, from those of its credentials that are enabled, in their
    order. Raises BrokenConfiguration."""
    usable: list[CredentialConfig] = []
    inactive: list[tuple[str, str]] = []
    # Compared with the address that is loaded, and not with one that is written in between.
    now = destination_of(row)
    for credential in credentials:
        if why := why_inactive(credential, now):
            inactive.append((credential.name, why))
        elif (secret := secret_of(credential)) is not None:
            usable.append(credential_config(credential, secret))
    return _provider(row, tuple(usable), tuple(inactive), needs_secret=needs_secret)


def _provider(
    row: Provider,
    credentials: tuple[CredentialConfig, ...],
    inactive: tuple[tuple[str, str], ...],
    *,
    needs_secret: bool,
) -> ProviderConfig:
    if row.dialect not in DIALECTS:
        raise BrokenConfiguration(
            f"The provider {row.name} has the unknown dialect {row.dialect!r}: choose another one."
        )
    for what, validate, value in (
        ("an invalid base URL", validate_base_url, row.base_url),
        ("invalid headers", validate_headers, row.headers),
        ("an invalid list of clients' fields", validate_client_fields, row.client_fields),
    ):
        try:
            validate(value)
        except ValidationError as error:
            raise BrokenConfiguration(f"The provider {row.name} has {what}: {error.messages[0]}") from error
    try:
        check_platform(row.platform, row.dialect, row.options, row.base_url.rstrip("/"))
    except ValidationError as error:
        raise BrokenConfiguration(f"The provider {row.name} cannot be used: {error.messages[0]}") from error
    try:
        transforms = parse_chain(row.transforms)
    except TransformError as error:
        raise BrokenConfiguration(f"The provider {row.name} has an invalid chain of transforms: {error}") from error
    hidden, refusal = secret_headers(row)
    return ProviderConfig(
        id=row.pk or 0,
        name=row.name,
        dialect=row.dialect,
        base_url=row.base_url.rstrip("/"),
        profile=row.profile,
        platform=row.platform,
        options=options_of(PLATFORMS.get(row.platform), row.options),
        is_local=row.is_local,
        headers=tuple((name.lower(), value) for name, value in {**row.headers, **hidden}.items()),
        secret_headers=frozenset(name.lower() for name in hidden),
        timeouts=Timeouts(
            connect=row.connect_timeout,
            first_event=row.first_event_timeout,
            idle=row.idle_timeout,
            total=row.total_timeout,
        ),
        client_fields=tuple(row.client_fields),
        transforms=transforms,
        credentials=credentials,
        needs_secret=needs_secret,
        proxy_url=row.proxy_url or None,
        is_demo=row.is_demo,
        inactive=inactive,
        refusal=refusal or refusal_of(row, inactive, has_secret=bool(credentials), needs_secret=needs_secret),
    )


def _model(row: Model, prices: tuple[Prices, ...]) -> ModelConfig:
    try:
        transforms = parse_chain(row.transforms)
        capabilities = msgspec.convert(row.capabilities, frozenset[str])
        supports = None if row.supports is None else support_of(row.supports)
        priced_for = msgspec.convert(row.priced_for, frozenset[str])
    except (TransformError, msgspec.ValidationError) as error:
        raise BrokenConfiguration(f"The model {row} cannot be used: {error}") from error
    return ModelConfig(
        id=row.pk,
        provider_id=row.provider_id,
        name=row.name,
        context_window=row.context_window,
        max_output=row.max_output,
        capabilities=capabilities,
        prices=prices,
        transforms=transforms,
        supports=supports,
        priced_for=priced_for,
    )


def _callable(
    providers: dict[int, ProviderConfig], models: dict[int, ModelConfig]
) -> dict[tuple[str, str], CandidateConfig]:
    """Returns every model that can be called, by provider and name."""
    found = {}
    for model in models.values():
        # A provider that was added after the providers were read is loaded with the next revision.
        provider = providers.get(model.provider_id)
        if provider is not None and _cause(provider, model) is None:
            found[provider.name.lower(), model.name] = _candidate(0, provider, model, models)
    return found


def _cause(provider: ProviderConfig | None, model: ModelConfig | None) -> str | None:
    """Returns why a model cannot be called, None when it can."""
    if provider is None:
        return "the provider is switched off"
    if model is None:
        return "the model is switched off"
    if provider.platform and (missing := PLATFORMS[provider.platform].missing()):
        return missing
    return provider.refusal or None


def _candidate(
    identity: int, provider: ProviderConfig, model: ModelConfig, models: dict[int, ModelConfig], weight: int = 1
) -> CandidateConfig:
    verbatim = DIALECTS[provider.dialect].verbatim
    chain = compile_chain_of((*provider.transforms, *model.transforms), verbatim=verbatim)
    taken = rules.compiled(provider, model, _peers(model, models), verbatim=verbatim)
    return CandidateConfig(identity, provider, model, transforms=chain, weight=weight, client_fields=taken)


def _peers(model: ModelConfig, models: dict[int, ModelConfig]) -> frozenset[str]:
    """Returns the names of the models that a request for `model` may ask as well: the provider's at the same prices."""
    if NAMING_MODELS.isdisjoint(model.priced_for):
        return frozenset()
    prices = _amounts(model)
    others = (other for other in models.values() if other.provider_id == model.provider_id)
    return frozenset(other.name for other in others if _amounts(other) == prices)


def _amounts(model: ModelConfig) -> tuple[Prices, ...]:
    return tuple(msgspec.structs.replace(prices, id=None) for prices in model.prices)


def _disabled_routes() -> frozenset[str]:
    if settings.DISABLED_ROUTES == "default":
        return frozenset()
    return frozenset(Route.objects.filter(enabled=False).values_list("name", flat=True))


def _routes(providers: dict[int, ProviderConfig], models: dict[int, ModelConfig]) -> dict[str, RouteConfig]:
    taken: dict[int, list[CandidateConfig]] = defaultdict(list)
    dropped: dict[int, list[tuple[str, str]]] = defaultdict(list)
    rows = Candidate.objects.select_related("model__provider").filter(enabled=True, route__enabled=True)
    for row in rows.order_by("route_id", "position", "id"):
        provider, model = providers.get(row.model.provider_id), models.get(row.model_id)
        cause = _cause(provider, model)
        if provider is None or model is None or cause is not None:
            dropped[row.route_id].append((str(row.model), cause or ""))
        else:
            taken[row.route_id].append(_candidate(row.pk, provider, model, models, row.weight))
    return {
        row.name: RouteConfig(
            id=row.pk,
            name=row.name,
            display_name=row.display_name or row.name,
            created_at=row.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            candidates=tuple(taken[row.pk]),
            dropped=tuple(dropped[row.pk]),
            yields=row.yields,
            order=msgspec.convert(row.order, Order),
            sticky=row.sticky,
            max_attempts=row.attempts,
            retries=row.retries,
            deadline=row.deadline,
            continues=row.continues,
            hedges=row.hedges,
            answers_as="real" if row.answers_as == Route.Answer.REAL else "asked",
        )
        for row in Route.objects.filter(enabled=True).order_by("name")
    }
