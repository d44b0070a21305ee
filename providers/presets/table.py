"""What the form of a new provider is filled in with, for each known provider, cloud and kind of server.

Each preset names the page of its maker's documentation that says its base URL, as it was in 2026-11.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

HOSTED, CLOUD, OWN, OTHER = "Providers", "Clouds", "Servers of your own", "Anything else"
"""Groups, in the order in which they are shown."""
SYMBOLS: Final = {HOSTED: "dns", CLOUD: "cloud", OWN: "computer", OTHER: "settings_ethernet"}
"""Group -> symbol of the icon font."""


class Preset(msgspec.Struct, frozen=True):
    """A provider as far as it is known before its credential.

    `asks` are further fields that are left to fill in, beside name and credential. `needs_key`: None where a key is
    optional, False where the server has none. `keys_at` is the page on which the vendor makes keys, `docs` that of its
    documentation with the base URL. `profile` stands only where the base URL does not tell it.
    """

    name: str
    label: str
    dialect: str
    base_url: str
    about: str
    group: str = HOSTED
    needs_key: bool | None = True
    keys_at: str = ""
    key_hint: str = ""
    profile: str = ""
    platform: str = ""
    is_local: bool = False
    asks: tuple[str, ...] = ()
    usual_name: str = ""
    docs: str = ""

    def initial(self) -> dict[str, Any]:
        """Returns the form's first values by field name, without the provider's name."""
        return {
            "dialect": self.dialect,
            "base_url": self.base_url,
            "profile": self.profile,
            "platform": self.platform,
            "is_local": self.is_local,
        }


def _chat(name: str, label: str, base_url: str, about: str, keys_at: str, docs: str, key_hint: str = "") -> Preset:
    return Preset(name, label, "openai_chat", base_url, about, keys_at=keys_at, key_hint=key_hint, docs=docs)


def _own(name: str, label: str, port: int, about: str, docs: str, **more: Any) -> Preset:
    known: dict[str, Any] = {"dialect": "openai_chat", "base_url": f"http://127.0.0.1:{port}/v1", "profile": name}
    return Preset(
        name=name,
        label=label,
        about=about,
        docs=docs,
        group=OWN,
        needs_key=None,
        is_local=True,
        asks=("base_url",),
        **{**known, **more},
    )


def _other(name: str, label: str, dialect: str, about: str) -> Preset:
    return Preset(
        name, label, dialect, "", about, group=OTHER, needs_key=None, asks=("base_url", "is_local"), usual_name="mine"
    )


_GOOGLE_KEY = (
    "Paste the whole JSON key of a service account. Leave it empty to use this machine's own Google credentials; then "
    'the options name the project, such as {"project": "our-project"}.'
)

_ALL: tuple[Preset, ...] = (
    Preset(
        "anthropic",
        "Anthropic",
        "anthropic",
        "https://api.anthropic.com",
        "Claude, from its maker.",
        keys_at="https://platform.claude.com/settings/keys",
        docs="https://platform.claude.com/docs/en/api/overview",
    ),
    Preset(
        "openai",
        "OpenAI",
        "openai_responses",
        "https://api.openai.com/v1",
        "GPT, by the Responses API.",
        keys_at="https://platform.openai.com/api-keys",
        docs="https://platform.openai.com/docs/api-reference/responses",
    ),
    Preset(
        "gemini",
        "Google Gemini",
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        "Gemini, by Google's own API.",
        keys_at="https://aistudio.google.com/apikey",
        docs="https://ai.google.dev/api",
    ),
    _chat(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "Several hundred models with one key.",
        "https://openrouter.ai/keys",
        "https://openrouter.ai/docs/quickstart",
    ),
    _chat(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com",
        "DeepSeek's own models.",
        "https://platform.deepseek.com/api_keys",
        "https://api-docs.deepseek.com/",
    ),
    _chat(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "Mistral's own models, from the EU.",
        "https://console.mistral.ai/api-keys",
        "https://docs.mistral.ai/getting-started/quickstart/",
    ),
    _chat(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        "Grok, from its maker.",
        "https://console.x.ai",
        "https://docs.x.ai/developers/model-capabilities/text/comparison",
    ),
    _chat(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        "Open models, answered very fast.",
        "https://console.groq.com/keys",
        "https://console.groq.com/docs/openai",
    ),
    _chat(
        "moonshot",
        "Moonshot Kimi",
        "https://api.moonshot.ai/v1",
        "Kimi, from its maker.",
        "https://platform.moonshot.ai/console/api-keys",
        "https://platform.kimi.ai/docs/overview",
    ),
    _chat(
        "zhipu",
        "Z.ai GLM",
        "https://api.z.ai/api/paas/v4",
        "GLM, from its maker.",
        "https://z.ai/manage-apikey/apikey-list",
        "https://docs.z.ai/api-reference/introduction",
    ),
    _chat(
        "qwen",
        "Alibaba Qwen",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "Qwen, by Alibaba's Model Studio in Singapore.",
        "https://www.alibabacloud.com/help/en/model-studio/get-api-key",
        "https://www.alibabacloud.com/help/en/model-studio/base-url",
        "A key is of one region: that of the base URL. A workspace has an address of its own, which Alibaba prefers: "
        "https://WORKSPACE.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1.",
    ),
    _chat(
        "together",
        "Together",
        "https://api.together.ai/v1",
        "Open models, hosted.",
        "https://api.together.ai/settings/api-keys",
        "https://docs.together.ai/docs/inference/openai-compatibility",
    ),
    _chat(
        "fireworks",
        "Fireworks",
        "https://api.fireworks.ai/inference/v1",
        "Open models, hosted.",
        "https://app.fireworks.ai/settings/users/api-keys",
        "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    ),
    _chat(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        "Open models, answered very fast.",
        "https://cloud.cerebras.ai",
        "https://inference-docs.cerebras.ai/resources/openai",
    ),
    # Sonar's Chat Completions ended on 2026-09-27.
    Preset(
        "perplexity",
        "Perplexity",
        "openai_responses",
        "https://api.perplexity.ai/v1",
        "Its own models and those of others, by the Agent API.",
        keys_at="https://console.perplexity.ai",
        docs="https://docs.perplexity.ai/docs/agent-api/openai-compatibility",
    ),
    Preset(
        "bedrock",
        "Amazon Bedrock",
        "anthropic",
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "Claude, in your AWS account.",
        CLOUD,
        None,
        docs="https://docs.aws.amazon.com/general/latest/gr/bedrock.html",
        key_hint="A Bedrock API key, or ACCESS_KEY:SECRET_KEY. Leave it empty to use this machine's own AWS keys. Put "
        "your region into the base URL.",
        platform="bedrock",
        asks=("base_url", "options"),
    ),
    Preset(
        "vertex",
        "Claude on Vertex AI",
        "anthropic",
        "https://aiplatform.googleapis.com",
        "Claude, in your Google Cloud project.",
        CLOUD,
        None,
        docs="https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai",
        key_hint=_GOOGLE_KEY,
        platform="vertex",
        asks=("base_url", "options"),
    ),
    Preset(
        "vertex-gemini",
        "Gemini on Vertex AI",
        "gemini",
        "https://aiplatform.googleapis.com",
        "Gemini, in your Google Cloud project.",
        CLOUD,
        None,
        docs="https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations",
        key_hint=_GOOGLE_KEY,
        platform="vertex",
        asks=("base_url", "options"),
    ),
    Preset(
        "azure",
        "Azure OpenAI",
        "openai_responses",
        "",
        "GPT, in your Azure subscription.",
        CLOUD,
        docs="https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle",
        key_hint="The resource's API key. The base URL is such as https://RESOURCE.openai.azure.com/openai/v1.",
        platform="azure",
        asks=("base_url",),
    ),
    _own("ollama", "Ollama", 11434, "Models that Ollama has pulled.", "https://docs.ollama.com/api", dialect="ollama",
         profile="", base_url="http://127.0.0.1:11434"),
    _own("vllm", "vLLM", 8000, "A vLLM server.",
         "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"),
    _own("sglang", "SGLang", 30000, "An SGLang server.",
         "https://docs.sglang.ai/basic_usage/openai_api_completions.html"),
    _own("llamacpp", "llama.cpp", 8080, "llama-server of llama.cpp.",
         "https://github.com/ggml-org/llama.cpp/tree/master/tools/server"),
    _own("lmstudio", "LM Studio", 1234, "The server of LM Studio.", "https://lmstudio.ai/docs/developer/openai-compat"),
    _own("litellm", "LiteLLM", 4000, "A LiteLLM proxy, with the models behind it.",
         "https://docs.litellm.ai/docs/simple_proxy"),
    _other("other-openai", "OpenAI-compatible server", "openai_chat", "Speaks Chat Completions, as most servers do."),
    _other("other-responses", "Responses-compatible server", "openai_responses", "Speaks OpenAI's Responses API."),
    _other("other-claude", "Claude-compatible server", "anthropic", "Speaks Claude's Messages API, also a gateway."),
    Preset("blank", "Empty form", "", "", "Fill in everything yourself: any dialect, any platform.", OTHER, None),
)  # fmt: skip
PRESETS: Final[dict[str, Preset]] = {preset.name: preset for preset in _ALL}
"""By name, in the order in which they are shown."""
