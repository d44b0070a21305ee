"""What the servers that speak this dialect do differently, as data; a provider's profile follows from its host.

Nothing here is guessed from a model unless the row says so. Quirks as of November 2026.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from providers.config import ProviderConfig

# Reasoning models of OpenAI: https://platform.openai.com/docs/guides/reasoning. The chat variants do not reason.
_OPENAI_THINKERS = re.compile(r"^(?:o[1-9]|gpt-(?:[5-9]|\d\d)(?!\S*-chat)|codex)", re.IGNORECASE)


class Profile(msgspec.Struct, frozen=True):
    """One family of servers.

    `effort`: how thinking is asked for: `reasoning_effort` (a word), `reasoning` (OpenRouter's object), `thinking` (an
    object with a type) or `enable_thinking` (a boolean). It is asked of models that are said to think: by their row's
    capability or by `thinkers`, except where `asks_every_model`.
    `efforts`: the words the server knows, from the least to the most. `always_thinks`: models that refuse "off".
    `replay`: the field that takes earlier thinking back, of models that `replay_except` does not match; with
    `replay_required` every assistant message with tool calls must have it.
    `keeps_cache_control`: models for which cache_control goes into content parts.
    `system_in_place`: whether a system message may stand in the middle; else the user says it, marked as a reminder.
    `takes_urls`: whether the server fetches images by their web address; else they are fetched before.
    `documents`: whether PDFs are told, and whether by address too; a server that nobody knows refuses them itself.
    """

    name: str
    hosts: tuple[str, ...] = ()
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    tool_name_limit: int = 64
    stop_limit: int = 4
    sends_stream_options: bool = True
    sends_top_k: bool = False
    sends_json_schema: bool = True
    thinkers_take_sampling: bool = True
    system_in_place: bool = True
    short_call_ids: bool = False
    effort: Literal["none", "reasoning_effort", "reasoning", "thinking", "enable_thinking"] = "reasoning_effort"
    efforts: tuple[str, ...] = ("low", "medium", "high")
    asks_every_model: bool = False
    thinkers: re.Pattern[str] | None = None
    always_thinks: re.Pattern[str] | None = None
    replay: str | None = None
    replay_except: re.Pattern[str] | None = None
    replay_required: bool = False
    keeps_cache_control: re.Pattern[str] | None = None
    takes_urls: bool = True
    documents: Literal["refused", "inline", "inline_or_url"] = "inline"
    session_field: str | None = None
    caller_field: str | None = None


GENERIC = Profile("generic")
# A server of one's own (vLLM, llama.cpp, LM Studio, Ollama, SGLang): all of them know top_k.
LOCAL = Profile("local", sends_top_k=True)
# https://github.com/ollama/ollama/blob/main/docs/openai.md: images as base64 only, no tool_choice.
OLLAMA = Profile("ollama", sends_top_k=True, takes_urls=False)

PROFILES: tuple[Profile, ...] = (
    Profile(
        "openai",
        hosts=("openai.com",),
        max_tokens_field="max_completion_tokens",
        thinkers_take_sampling=False,
        thinkers=_OPENAI_THINKERS,
        session_field="prompt_cache_key",
        caller_field="safety_identifier",
    ),
    Profile(
        "azure",
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
        max_tokens_field="max_completion_tokens",
        thinkers_take_sampling=False,
        thinkers=_OPENAI_THINKERS,
        documents="refused",
    ),
    Profile(
        "openrouter",
        hosts=("openrouter.ai",),
        sends_top_k=True,
        effort="reasoning",
        efforts=("minimal", "low", "medium", "high", "xhigh"),
        asks_every_model=True,
        always_thinks=re.compile(
            r"^openai/(?:o\d|gpt-[5-9]|gpt-oss)|gemini-\S*pro|minimax|deepseek-r1|grok-[4-9]|thinking|reasoner"
        ),
        replay="reasoning",
        # These take their thinking back only signed or encrypted, as reasoning_details.
        replay_except=re.compile(r"^~?(?:anthropic|openai|google)/"),
        keeps_cache_control=re.compile(r"claude|gemini|^~?anthropic/"),
        documents="inline_or_url",
        session_field="session_id",
        caller_field="user",
    ),
    Profile(
        "deepseek",
        hosts=("deepseek.com",),
        effort="thinking",
        sends_json_schema=False,
        replay="reasoning_content",
        # Without it: 400 "The `reasoning_content` in the thinking mode must be passed back to the API."
        replay_required=True,
        documents="refused",
    ),
    Profile(
        "groq",
        hosts=("groq.com",),
        max_tokens_field="max_completion_tokens",
        thinkers=re.compile(r"gpt-oss"),
        documents="refused",
    ),
    Profile(
        "mistral",
        hosts=("mistral.ai",),
        sends_stream_options=False,
        system_in_place=False,
        short_call_ids=True,
        effort="none",
        documents="refused",
    ),
    # Only the small early models take an effort; the others refuse it.
    Profile("xai", hosts=("x.ai",), effort="none", documents="refused"),
    Profile(
        "qwen",
        hosts=("aliyuncs.com", "alibabacloud.com"),
        sends_top_k=True,
        effort="enable_thinking",
        replay="reasoning_content",
        documents="refused",
    ),
    Profile(
        "moonshot",
        hosts=("moonshot.ai", "moonshot.cn", "kimi.com"),
        effort="thinking",
        replay="reasoning_content",
        documents="refused",
    ),
    Profile("zhipu", hosts=("z.ai", "bigmodel.cn"), effort="thinking", replay="reasoning_content", documents="refused"),
)


_BY_NAME = {profile.name: profile for profile in (*PROFILES, OLLAMA, LOCAL, GENERIC)}


def choices() -> list[tuple[str, str]]:
    """The profiles as a select's choices."""
    return [("", "the one that the base URL tells"), *((name, name) for name in _BY_NAME)]


def profile_of(provider: ProviderConfig) -> Profile:
    """The profile of a provider: the chosen one, or the one that its base URL tells."""
    return _BY_NAME.get(provider.profile) or _detected(provider.base_url)


@lru_cache(maxsize=1024)
def _detected(base_url: str) -> Profile:
    """By the host of a base URL: a known profile, our own network's, or the generic one."""
    host = (urlsplit(base_url).hostname or "").lower()
    for profile in PROFILES:
        if any(host == known or host.endswith("." + known) for known in profile.hosts):
            return profile
    return LOCAL if _is_ours(host) else GENERIC


def _is_ours(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
