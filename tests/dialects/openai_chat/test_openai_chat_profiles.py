"""Which profile a provider has: by its base URL, by its port, or as chosen in the admin."""

from __future__ import annotations

import msgspec
import pytest

from providers.dialects import DIALECTS
from providers.dialects.openai_chat.profiles import choices, profile_of
from tests.claude.claude_blocks import user
from tests.claude.wire import make_call, sent

CHAT = DIALECTS["openai_chat"]
NAMES = [name for name, _ in choices() if name]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://team.openai.azure.com/openai/v1", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.mistral.ai/v1", "mistral"),
        ("https://api.x.ai/v1", "xai"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "qwen"),
        ("https://api.moonshot.ai/v1", "moonshot"),
        ("https://api.z.ai/api/coding/paas/v4", "zhipu"),
        ("https://api.perplexity.ai", "perplexity"),
        ("https://api.together.xyz/v1", "together"),
        ("https://api.fireworks.ai/inference/v1", "fireworks"),
        ("https://api.cerebras.ai/v1", "cerebras"),
        ("http://127.0.0.1:11434/v1", "ollama"),
        ("http://ollama:11434/v1", "ollama"),
        ("http://localhost:1234/v1", "lmstudio"),
        ("http://192.168.1.5:8000/v1", "local"),
        ("http://gpu.internal/v1", "local"),
        ("https://llm.example.org:11434/v1", "generic"),
        ("https://llm.example.org/v1", "generic"),
        ("https://api.openai.com.example.org/v1", "generic"),
        ("https://notopenai.com/v1", "generic"),
    ],
)
def test_the_base_url_tells_the_profile(url: str, name: str) -> None:
    assert profile_of(make_call("openai_chat", url=url).provider).name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_chosen_profile_wins_over_the_base_url(name: str) -> None:
    assert profile_of(make_call("openai_chat", url="https://api.openai.com/v1", profile=name).provider).name == name


def test_every_profile_has_a_name_of_its_own_for_people() -> None:
    labels = [label for _, label in choices()]
    assert len(set(labels)) == len(labels)
    assert set(NAMES) >= {"vllm", "sglang", "llamacpp", "lmstudio", "ollama", "litellm", "perplexity", "generic"}


@pytest.mark.parametrize(("name", "takes"), [("openai", True), ("openrouter", True), ("vllm", True), ("ollama", False)])
def test_which_servers_fetch_images_themselves(name: str, takes: bool) -> None:
    assert CHAT.takes_urls(make_call("openai_chat", profile=name).provider) is takes


@pytest.mark.parametrize(
    ("name", "fields", "headers"),
    [
        ("openai", {"prompt_cache_key": "s1"}, {}),
        ("azure", {"prompt_cache_key": "s1"}, {}),
        ("openrouter", {"session_id": "s1"}, {}),
        ("moonshot", {"prompt_cache_key": "s1"}, {}),
        ("xai", {}, {"x-grok-conv-id": "s1"}),
        ("fireworks", {}, {"x-session-affinity": "s1"}),
        ("generic", {}, {}),
    ],
)
def test_a_session_stays_at_one_server(name: str, fields: dict[str, str], headers: dict[str, str]) -> None:
    request = sent(make_call("openai_chat", {"messages": [user("Hello")]}, profile=name, session_id="s1"))
    body = msgspec.json.decode(request.body)
    assert {key: value for key, value in body.items() if value == "s1"} == fields
    assert {key: value for key, value in request.headers if value == "s1"} == headers


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_says_a_whole_conversation(name: str) -> None:
    body = {"messages": [user("Hello")], "system": "Be brief.", "max_tokens": 10, "temperature": 0.5}
    out = msgspec.json.decode(sent(make_call("openai_chat", body, profile=name)).body)
    assert [message["role"] for message in out["messages"]] == ["system", "user"]
    assert out.get("max_tokens", out.get("max_completion_tokens")) == 10
    assert out["temperature"] == 0.5
