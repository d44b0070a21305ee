"""The providers that quickstart creates, as data: each has a variable for its API key.

Context windows are from the vendors' lists of 2026-11. Prices are given only where the price library lacks a model.
"""

from __future__ import annotations

from typing import Final

import msgspec

from providers.presets.table import PRESETS as KNOWN


class ModelPreset(msgspec.Struct, frozen=True):
    """One upstream model. It serves the route of its own name and those in `routes`.

    `stands_in_for` are routes that it serves only while no other model does: Claude Code asks for Claude's models by
    name, whichever providers the gateway has. `prices` are US dollars by field of providers.pricing.prices.Price.
    """

    name: str
    routes: tuple[str, ...] = ()
    stands_in_for: tuple[str, ...] = ()
    context_window: int | None = None
    max_output: int | None = None
    capabilities: tuple[str, ...] = ("tools", "images")
    prices: dict[str, str] = {}


class ProviderPreset(msgspec.Struct, frozen=True):
    """One provider. `<PREFIX>_API_KEY` enables it, `<PREFIX>_UPSTREAM_URL` replaces its base URL.

    The name is not <PREFIX>_BASE_URL because ANTHROPIC_BASE_URL is how a client is pointed at this gateway.
    `default` is the route for unknown model names if this is the first provider. A provider that `is_local` has
    no key; see proxysite.quickstart.ollama.
    """

    name: str
    dialect: str
    base_url: str
    prefix: str
    default: str
    models: tuple[ModelPreset, ...]
    is_local: bool = False

    @property
    def key_variable(self) -> str:
        """The environment variable with the provider's secret."""
        return f"{self.prefix}_API_KEY"

    @property
    def url_variable(self) -> str:
        """The environment variable that replaces the base URL."""
        return f"{self.prefix}_UPSTREAM_URL"


_CLAUDE_CAN = ("tools", "images", "documents", "thinking", "structured_output")
_GPT_CAN = ("tools", "images", "structured_output")
_MILLION = 1_000_000
_OPUS, _SONNET, _HAIKU, _FABLE = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"
CLAUDE = (_OPUS, _SONNET, _HAIKU, _FABLE)
"""The names that Claude Code asks for."""

PRESETS: Final[tuple[ProviderPreset, ...]] = (
    ProviderPreset(
        name="anthropic",
        dialect="anthropic",
        base_url=KNOWN["anthropic"].base_url,
        prefix="ANTHROPIC",
        default=_SONNET,
        models=(
            ModelPreset(_OPUS, (), (), _MILLION, 128_000, _CLAUDE_CAN),
            ModelPreset(_SONNET, (), (), _MILLION, 128_000, _CLAUDE_CAN),
            ModelPreset(_HAIKU, (), (), _MILLION, 128_000, _CLAUDE_CAN),
            ModelPreset(_FABLE, (), (), _MILLION, None, _CLAUDE_CAN),
        ),
    ),
    ProviderPreset(
        name="openrouter",
        dialect="openai_chat",
        base_url=KNOWN["openrouter"].base_url,
        prefix="OPENROUTER",
        default=_SONNET,
        models=(
            ModelPreset("anthropic/claude-opus-5.5", (_OPUS,), (), _MILLION, 128_000, _CLAUDE_CAN),
            ModelPreset("anthropic/claude-sonnet-5.5", (_SONNET,), (), _MILLION, 128_000, _CLAUDE_CAN),
            ModelPreset("anthropic/claude-haiku-5.5", (_HAIKU,), (), _MILLION, 128_000, _CLAUDE_CAN),
            ModelPreset(
                "anthropic/claude-fable-5.2",
                (_FABLE,),
                (),
                _MILLION,
                None,
                _CLAUDE_CAN,
                {"input": "8", "output": "40", "cache_read": "0.2", "cache_write_5m": "10"},
            ),
            ModelPreset("openai/gpt-6.1-sol"),
            ModelPreset("google/gemini-3.8-flash"),
            ModelPreset("deepseek/deepseek-v4.1-flash", capabilities=("tools",)),
        ),
    ),
    ProviderPreset(
        name="openai",
        dialect="openai_chat",
        base_url=KNOWN["openai"].base_url,
        prefix="OPENAI",
        default=_SONNET,
        models=(
            # On Chat Completions the models after 5.2 refuse function tools unless reasoning is off, so this one
            # stands in for Claude's (2026-11).
            ModelPreset(
                "gpt-5.2",
                stands_in_for=CLAUDE,
                context_window=400_000,
                max_output=128_000,
                capabilities=("tools", "images", "thinking", "structured_output"),
            ),
            ModelPreset("gpt-6.1-sol", capabilities=_GPT_CAN),
            ModelPreset("gpt-6-luna", capabilities=_GPT_CAN),
        ),
    ),
    ProviderPreset(
        name="gemini",
        dialect="gemini",
        base_url=KNOWN["gemini"].base_url,
        prefix="GEMINI",
        default=_SONNET,
        models=(
            ModelPreset("gemini-4-argon", (), (_OPUS, _FABLE), 1_048_576, 65_536, _CLAUDE_CAN),
            ModelPreset("gemini-3.8-flash", (), (_SONNET, _HAIKU), 1_048_576, 65_536, _CLAUDE_CAN),
        ),
    ),
    ProviderPreset(
        name="deepseek",
        dialect="openai_chat",
        base_url=KNOWN["deepseek"].base_url,
        prefix="DEEPSEEK",
        default=_SONNET,
        models=(
            # DeepSeek's own advice: flash, their 4.1, is ahead of the older pro (2026-11).
            ModelPreset("deepseek-flash", (), CLAUDE, _MILLION, 384_000, ("tools", "images", "thinking")),
            ModelPreset("deepseek-v4-pro", (), (), _MILLION, 384_000, ("tools", "thinking")),
        ),
    ),
    ProviderPreset(
        name="mistral",
        dialect="openai_chat",
        base_url=KNOWN["mistral"].base_url,
        prefix="MISTRAL",
        default=_SONNET,
        models=(
            ModelPreset("mistral-large-4", (), (_OPUS, _SONNET, _FABLE), 1_048_576, None, _GPT_CAN),
            ModelPreset("mistral-medium-3-5", (), (_HAIKU,), 262_144, None, _GPT_CAN),
        ),
    ),
    ProviderPreset(
        name="groq",
        dialect="openai_chat",
        base_url=KNOWN["groq"].base_url,
        prefix="GROQ",
        default=_SONNET,
        models=(
            ModelPreset("openai/gpt-oss-120b", (), CLAUDE, 131_072, 65_536, ("tools", "thinking", "structured_output")),
            ModelPreset("qwen/qwen3.8-27b", (), (), 131_072, None, ("tools", "thinking")),
        ),
    ),
)
"""In the order in which they become candidates of a route that several of them serve."""


def local_preset(base_url: str, models: tuple[str, ...]) -> ProviderPreset:
    """Ollama at an address with its models; the first of them stands in for Claude's."""
    return ProviderPreset(
        name="ollama",
        dialect="ollama",
        base_url=base_url,
        prefix="OLLAMA",
        default=_SONNET,
        models=tuple(
            ModelPreset(name, (), () if number else CLAUDE, capabilities=("tools",))
            for number, name in enumerate(models)
        ),
        is_local=True,
    )
