"""Creates the demo upstream's provider, with rows for the models of `proxysite.demo`."""

from __future__ import annotations

from decimal import Decimal

from providers.models import Model, Provider
from providers.pricing.prices import Price
from proxysite.demo.models import MODELS

PROVIDER_NAME = "demo"
DEFAULT_ROUTE = "demo"

# Made up, so that the cost columns have values before there is a real provider.
_PRICES = {"input": Decimal(1), "output": Decimal(5), "cache_read": Decimal("0.1"), "cache_write_5m": Decimal("1.25")}
_NOTES = (
    "The built-in demo upstream: canned answers from a small server that `make run` starts beside the gateway. "
    "Its prices are made up. Disable or delete it once you have a provider."
)


def base_url(port: int) -> str:
    """The base URL of the demo upstream of a gateway on `port`: the next port, on loopback."""
    return f"http://127.0.0.1:{port + 1}/v1"


def ensure_provider(port: int) -> bool:
    """Creates the provider and its models and returns True; of an existing provider only the port is corrected."""
    provider, created = Provider.objects.get_or_create(
        name=PROVIDER_NAME,
        defaults={
            "dialect": "openai_chat",
            "base_url": base_url(port),
            "is_local": True,
            "is_demo": True,
            "notes": _NOTES,
        },
    )
    if not created:
        if provider.is_demo and provider.base_url != base_url(port):
            Provider.objects.filter(pk=provider.pk).update(base_url=base_url(port))
        return False
    for name in MODELS:
        model = Model.objects.create(
            provider=provider,
            name=name,
            context_window=200_000,
            max_output=64_000,
            capabilities=["tools", "images", "thinking", "structured_output"],
        )
        Price.objects.create(model=model, **_PRICES)
    return True
