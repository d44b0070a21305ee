"""The families of servers that speak this dialect, one entry each. Quirks as of November 2026.

Nothing here is guessed from a model unless the entry does so.
"""

from __future__ import annotations

import re

import msgspec

from providers.dialects.openai_chat.profiles.profile import Profile
from providers.openai import REASONING
from providers.schemas import rules

_AUTO_OR_NONE = frozenset({"auto", "none"})
_NO_NAMED = frozenset({"auto", "none", "required"})

GENERIC = Profile("generic", "other server", null_content=False, documents="inline")

HOSTED: tuple[Profile, ...] = (
    Profile(
        "openai",
        "OpenAI",
        hosts=("openai.com",),
        max_tokens_field="max_completion_tokens",
        thinkers_take_sampling=False,
        thinkers_take_stops=False,
        unique_call_ids=True,
        prefill="asked",
        schema_rules=rules.OPENAI,
        thinkers=REASONING,
        # Their own Chat Completions take a limit of one token.
        has_least_output=False,
        documents="inline",
        session_field="prompt_cache_key",
        caller_field="safety_identifier",
    ),
    Profile(
        "azure",
        "Azure OpenAI",
        hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
        max_tokens_field="max_completion_tokens",
        thinkers_take_sampling=False,
        thinkers_take_stops=False,
        unique_call_ids=True,
        prefill="asked",
        schema_rules=rules.OPENAI,
        thinkers=REASONING,
        # Their own Chat Completions take a limit of one token.
        has_least_output=False,
        session_field="prompt_cache_key",
        caller_field="user",
    ),
    Profile(
        "openrouter",
        "OpenRouter",
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
        replays_details=True,
        sends_cache_control=re.compile(r"claude|gemini|^~?anthropic/"),
        documents="inline_or_url",
        # https://openrouter.ai/docs/api-reference: requests of one session stay at one provider.
        session_field="session_id",
        caller_field="user",
    ),
    Profile(
        "deepseek",
        "DeepSeek",
        hosts=("deepseek.com",),
        # "Duplicate value for 'tool_call_id'": https://github.com/craft-ai-agents/craft-agents-oss/issues/630, 2026-04.
        unique_call_ids=True,
        # https://api-docs.deepseek.com/guides/chat_prefix_completion
        prefill="prefix",
        prefill_beta=True,
        stop_limit=16,
        # https://api-docs.deepseek.com/guides/thinking_mode: medium and xhigh are taken and mean the next one up.
        effort="thinking",
        efforts=("low", "medium", "high", "xhigh", "max"),
        thinkers=re.compile(r"^deepseek-(?:reasoner|v[4-9])"),
        replay="reasoning_content",
        # Without it: 400 "The `reasoning_content` in the thinking mode must be passed back to the API."
        replay_required=True,
        parallel_control=False,
        schemas="json_object",
    ),
    Profile(
        "groq",
        "Groq",
        hosts=("groq.com",),
        max_tokens_field="max_completion_tokens",
        thinkers=re.compile(r"gpt-oss"),
        # https://console.groq.com/docs/structured-outputs: neither streamed nor beside tools.
        schemas="words",
        caller_field="user",
    ),
    Profile(
        "mistral",
        "Mistral",
        hosts=("mistral.ai",),
        sends_stream_options=False,
        system_in_place=False,
        # "Unexpected role 'user' after role 'tool'" of older models' templates; these want the tool's name as well.
        user_after_results=False,
        names_results=True,
        short_call_ids=True,
        # https://docs.mistral.ai/guides/prefix/; else "Expected last role User or Tool (or Assistant with prefix True)"
        prefill="prefix",
        schema_rules=rules.MISTRAL,
        effort="none",
    ),
    # Only the small early models take an effort, the others refuse it; those that think refuse stop sequences.
    Profile(
        "xai",
        "xAI",
        hosts=("x.ai",),
        effort="none",
        thinkers=re.compile(r"^grok-(?:[4-9]|3-mini|code)"),
        thinkers_take_stops=False,
        session_header="x-grok-conv-id",
        caller_field="user",
    ),
    Profile(
        "qwen",
        "Alibaba Qwen",
        hosts=("aliyuncs.com", "alibabacloud.com"),
        sends_top_k=True,
        # https://www.alibabacloud.com/help/en/model-studio/partial-mode, 2026-03-15
        prefill="partial",
        effort="enable_thinking",
        replay="reasoning_content",
        tool_choices=frozenset({"auto", "none", "named"}),
        schemas="json_object",
    ),
    Profile(
        "moonshot",
        "Moonshot Kimi",
        hosts=("moonshot.ai", "moonshot.cn", "kimi.com"),
        stop_limit=5,
        # https://platform.kimi.ai/docs/guide/use-partial-mode-feature-of-kimi-api
        prefill="partial",
        effort="thinking",
        efforts=(),
        thinkers=re.compile(r"kimi-(?:k2\.[5-9]|k[3-9]|k2-thinking|thinking)"),
        # Their temperature and top_p are fixed; any other value is refused.
        thinkers_take_sampling=False,
        replay="reasoning_content",
        # Without it: 400 "thinking is enabled but reasoning_content is missing in assistant tool call message".
        replay_required=True,
        tool_choices=_AUTO_OR_NONE,
        parallel_control=False,
        schema_rules=rules.MOONSHOT,
        schemas="json_object",
        session_field="prompt_cache_key",
    ),
    Profile(
        "zhipu",
        "Z.ai GLM",
        hosts=("z.ai", "bigmodel.cn"),
        stop_limit=1,
        sends_stream_options=False,
        effort="thinking",
        efforts=(),
        thinkers=re.compile(r"^glm-(?:4\.[5-9]|[5-9])"),
        # Else the server leaves out the earlier thinking that it is sent.
        thinking_on=(("clear_thinking", False),),
        replay="reasoning_content",
        tool_choices=frozenset({"auto"}),
        parallel_control=False,
        schemas="json_object",
        caller_field="user_id",
        # Without it a call's arguments come in one piece, after minutes of silence where they are long.
        extra_with_tools=(("tool_stream", True),),
    ),
    Profile(
        "perplexity",
        "Perplexity",
        hosts=("perplexity.ai",),
        sends_stream_options=False,
        sends_top_k=True,
        # "After the (optional) system message(s), user and assistant roles should be alternating."
        system_in_place=False,
        merges_users=True,
        # "Last message must have role `user`": https://github.com/BerriAI/litellm/issues/3918 (2024-05-30)
        prefill="asked",
        thinkers=re.compile(r"^sonar-(?:reasoning|deep-research)"),
        efforts=("minimal", "low", "medium", "high"),
        tool_choices=_AUTO_OR_NONE,
        parallel_control=False,
    ),
    Profile(
        "together",
        "Together",
        hosts=("together.ai", "together.xyz"),
        sends_top_k=True,
        thinkers=re.compile(r"gpt-oss", re.IGNORECASE),
        parallel_control=False,
    ),
    Profile(
        "fireworks",
        "Fireworks",
        hosts=("fireworks.ai",),
        sends_top_k=True,
        schema_rules=rules.FIREWORKS,
        thinkers=re.compile(r"gpt-oss"),
        replay="reasoning_content",
        session_header="x-session-affinity",
        caller_field="user",
    ),
    Profile(
        "cerebras",
        "Cerebras",
        hosts=("cerebras.ai",),
        max_tokens_field="max_completion_tokens",
        thinkers=re.compile(r"gpt-oss"),
        schema_rules=rules.CEREBRAS,
        caller_field="user",
    ),
)

# Self-hosted servers. Chat templates of open models often refuse a system message in the middle, or two user messages
# in a row; names may be as long as Claude's, there is no limit of stop sequences. llama-cpp-python (0.3.36) and LM
# Studio (bug tracker #261) refuse a null for the text of a message.
_OWN = Profile(
    "local",
    "self-hosted server",
    stop_limit=64,
    sends_top_k=True,
    system_in_place=False,
    merges_users=True,
    null_content=False,
    documents="inline",
    # Which one it is is not known, and llama.cpp is the strictest.
    schema_rules=rules.LLAMA_CPP,
)
LOCAL = _OWN
_MODEL_SERVER = msgspec.structs.replace(_OWN, tool_name_limit=128, documents="refused", effort="template")
# https://github.com/vllm-project/vllm/pull/8942 (2024-10), https://github.com/sgl-project/sglang/pull/4226 (2025-03);
# llama.cpp continues a last message by itself, and takes the fields since https://github.com/ggml-org/llama.cpp/pull/23012
# (2026-05).
_GOES_ON = msgspec.structs.replace(_MODEL_SERVER, prefill="continue_final_message")
_ANY_SCHEMA_SERVER = msgspec.structs.replace(_GOES_ON, schema_rules=rules.ANYTHING)

OWN: tuple[Profile, ...] = (
    # delta.reasoning since https://github.com/vllm-project/vllm/pull/33402.
    msgspec.structs.replace(_ANY_SCHEMA_SERVER, name="vllm", label="vLLM", replay="reasoning", caller_field="user"),
    msgspec.structs.replace(_ANY_SCHEMA_SERVER, name="sglang", label="SGLang", replay="reasoning_content"),
    # https://github.com/ggml-org/llama.cpp/tree/master/tools/server: tool_choice is a word only.
    msgspec.structs.replace(
        _GOES_ON,
        name="llamacpp",
        label="llama.cpp",
        replay="reasoning_content",
        tool_choices=_NO_NAMED,
        takes_urls=False,
    ),
    msgspec.structs.replace(
        _MODEL_SERVER,
        name="lmstudio",
        label="LM Studio",
        port=1234,
        effort="reasoning_effort",
        tool_choices=_NO_NAMED,
        parallel_control=False,
        takes_urls=False,
    ),
    # https://docs.ollama.com/openai: images as base64 only, no tool_choice.
    msgspec.structs.replace(
        _MODEL_SERVER,
        name="ollama",
        label="Ollama /v1",
        port=11434,
        schema_rules=rules.OLLAMA,
        effort="reasoning_effort",
        replay="reasoning",
        tool_choices=frozenset({"auto"}),
        parallel_control=False,
        takes_urls=False,
    ),
    Profile(
        "litellm",
        "LiteLLM",
        sends_top_k=True,
        replay="reasoning_content",
        sends_cache_control=re.compile(r"claude|gemini|anthropic"),
        documents="inline",
        # Bedrock behind it: "expected toolConfig" without definitions of the tools in the history.
        history_needs_tools=True,
        caller_field="user",
    ),
)
