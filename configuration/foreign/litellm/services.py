"""LiteLLM's provider prefixes in `provider/model`: the server of each, and the variable of its key.

https://docs.litellm.ai/docs/providers, as of November 2026. A provider with OpenAI's format is one more line.
"""

from __future__ import annotations

import re

import msgspec

_BEDROCK_ROUTES = re.compile(r"^(?:converse|invoke|converse_like)/")


class Service(msgspec.Struct, frozen=True):
    """A provider that LiteLLM knows. `address` is empty where the file has to give it."""

    address: str = ""
    variable: str = ""
    dialect: str = "openai_chat"
    profile: str = ""
    platform: str = ""


SERVICES: dict[str, Service] = {
    "openai": Service("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "anthropic": Service("https://api.anthropic.com", "ANTHROPIC_API_KEY", "anthropic"),
    "gemini": Service("https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY", "gemini"),
    "openrouter": Service("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "deepseek": Service("https://api.deepseek.com", "DEEPSEEK_API_KEY"),
    "groq": Service("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": Service("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "xai": Service("https://api.x.ai/v1", "XAI_API_KEY"),
    "together_ai": Service("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "fireworks_ai": Service("https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"),
    "cerebras": Service("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "perplexity": Service("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "moonshot": Service("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "zai": Service("https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
    "dashscope": Service("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    "nvidia_nim": Service("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "deepinfra": Service("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "sambanova": Service("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "ollama": Service("http://localhost:11434", dialect="ollama"),
    "ollama_chat": Service("http://localhost:11434", dialect="ollama"),
    "hosted_vllm": Service(profile="vllm"),
    "lm_studio": Service("http://localhost:1234/v1", profile="lmstudio"),
    "litellm_proxy": Service(profile="litellm"),
    "custom_openai": Service(),
    "openai_like": Service(),
    "azure": Service(variable="AZURE_API_KEY", platform="azure"),
    "azure_ai": Service(variable="AZURE_AI_API_KEY"),
    "bedrock": Service(dialect="anthropic", platform="bedrock"),
    "vertex_ai": Service(dialect="gemini", platform="vertex"),
}
_WITHOUT_PREFIX = (
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gpt-|o\d|chatgpt|codex"), "openai"),
    (re.compile(r"gemini"), "vertex_ai"),
)
"""Pattern of a model without a prefix -> its service."""


class Target(msgspec.Struct, frozen=True):
    """A model at a service."""

    name: str
    service: Service
    model: str


def target(model: str, provider: str, has_address: bool) -> Target | None:
    """The service and model of `litellm_params`, with its custom_llm_provider. None for an unknown service."""
    prefix, slash, rest = model.partition("/")
    if provider:
        name, rest = provider, rest if slash and prefix == provider else model
    elif slash and prefix in SERVICES:
        name = prefix
    elif has_address:
        name, rest = "openai", model
    else:
        name = next((service for pattern, service in _WITHOUT_PREFIX if pattern.match(model)), prefix)
        rest = model
    service = SERVICES.get(name)
    if service is None:
        return None
    if name in ("openai", "azure") and rest.startswith("responses/"):
        return Target(
            name, msgspec.structs.replace(service, dialect="openai_responses"), rest.removeprefix("responses/")
        )
    if name == "bedrock":
        rest = _BEDROCK_ROUTES.sub("", rest)
    if name == "vertex_ai" and "claude" in rest:
        service = msgspec.structs.replace(service, dialect="anthropic")
    return Target(name, service, rest)
