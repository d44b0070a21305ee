"""What each server says of a prompt that is too long: a pattern, the servers, and where the wording was read.

A row with numbers names them `n` (the prompt), `m` (the most that fits) and `out` (the output that was asked for). The
first row whose numbers do overflow decides, so rows that name the output come first. Threads and pages were read in
November 2026.
"""

from __future__ import annotations

_N, _M, _OUT = r"(?P<n>\d[\d,]*)", r"(?P<m>\d[\d,]*)", r"(?P<out>\d[\d,]*)"

NUMBERED: tuple[tuple[str, str, str], ...] = (
    (rf"prompt is too long: {_N} tokens > {_M} maximum", "Claude", "anthropics/claude-code#11434"),
    (
        rf"input length and `?max_tokens`? exceed context limit: {_N} \+ {_OUT} > {_M}",
        "Claude",
        "docs.claude.com/en/build-with-claude/context-windows",
    ),
    # The parts are in brackets.
    (
        rf"maximum context length is {_M} tokens?.{{0,200}}?\(?{_N} (?:tokens )?(?:in the messages|in your prompt|"
        rf"of text input)"
        rf".{{0,200}}?{_OUT} (?:in|for) the (?:completion|output)",
        "OpenAI, vLLM, DeepSeek, OpenRouter",
        "mckaywrigley/chatbot-ui#102, acheong08/ChatGPT#501, netease-youdao/LobsterAI#60, refly-ai/refly#1177",
    ),
    (
        rf"maximum context length is {_M} tokens.{{0,40}}you requested {_OUT} output tokens and your prompt contains "
        rf"at least {_N} input tokens",
        "vLLM",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        rf"max_(?:completion_)?tokens'? is too large: {_OUT}\.?.{{0,40}}maximum context length is {_M} tokens"
        rf" and your request has {_N} input tokens",
        "vLLM",
        "vllm-project/vllm, entrypoints/openai/serving_engine.py",
    ),
    (
        rf"passed {_N} input tokens and requested {_OUT} output tokens.{{0,60}}context length is only {_M}",
        "vLLM",
        "vllm-project/vllm, renderers/params.py",
    ),
    (
        rf"prompt \(length {_N}\) is longer than the maximum model length of {_M}",
        "vLLM",
        "vllm-project/vllm, v1/engine/processor.py",
    ),
    (
        rf"prompt \(total length {_N}\) is too long to fit into the model \(context length {_M}\)",
        "vLLM",
        "vllm-project/vllm#12165",
    ),
    (rf"input prompt \({_N} tokens\) is too long and exceeds limit of {_M}", "vLLM", "vllm-project/vllm#10440"),
    (
        rf"maximum context length of {_M} tokens.{{0,80}}: {_N} tokens from the input messages and {_OUT} tokens",
        "SGLang, LiteLLM",
        "sgl-project/sglang#3642",
    ),
    (
        rf"input \({_N} tokens\) is longer than the model's context length \({_M} tokens\)",
        "SGLang, Together",
        "sgl-project/sglang#8096",
    ),
    (
        rf"input length \(?{_N}(?: tokens)?\)? exceeds (?:the )?(?:model'?s )?(?:maximum )?"
        rf"(?:context length|allowed (?:input )?length)(?: of)? \(?{_M}",
        "SGLang, vLLM, LM Studio, OpenRouter (Poolside)",
        "mmcdermott/MEDS_EIC_AR#172, lmstudio-ai/model-catalog#38, earendil-works/pi, overflow.ts",
    ),
    (
        rf"must be <= {_M}\. Given: {_N} `inputs` tokens and {_OUT} `max_new_tokens`",
        "Together (text-generation-inference)",
        "barun-saha/slide-deck-ai#44",
    ),
    (
        rf"prompt is too long: {_N}, model maximum context length: {_M}",
        "Fireworks, Ollama's cloud",
        "langchain-ai/langchain#37457, openclaw's tests",
    ),
    (rf"current length is {_N} while limit is {_M}", "Cerebras", "cline/cline#5140"),
    (rf"exceeded model token limit ?: {_M} \(requested: {_N}\)", "Moonshot", "platform.kimi.com/docs/api/errors"),
    (
        rf"exceed the configured limit of {_M} tokens.{{0,40}}resulted in {_N} tokens",
        "Azure OpenAI",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        rf"keep the first {_N} tokens when context the overflows.{{0,80}}context length of only {_M} tokens",
        "LM Studio",
        "lmstudio-ai/lmstudio-bug-tracker#546",
    ),
    (rf"n_keep: {_N} >= n_ctx: {_M}", "LM Studio", "tinyhumansai/openhuman#3550"),
    (
        rf"maximum context length is {_M} tokens?.{{0,200}}?(?:requested|resulted in|has|contains?)\D{{0,30}}{_N}",
        "OpenAI, vLLM and many",
        "vllm-project/vllm#20409",
    ),
    (rf"maximum context length is {_M} tokens?\D{{1,200}}{_N} (?:input )?tokens", "many", "chathub-dev/chathub#126"),
    (rf"maximum prompt length is {_M}\D{{1,80}}{_N} tokens", "xAI", "cline/cline#3120"),
    (
        rf"contains {_N} tokens.{{0,80}}?with {_M} maximum context",
        "Mistral",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        rf"token count \(?{_N}\)? exceeds the maximum number of tokens allowed \(?{_M}",
        "Gemini",
        "google-gemini/gemini-cli#6678",
    ),
    (
        rf"input token count is {_N} but (?:the )?model only supports up to {_M}",
        "Gemini on Vertex AI",
        "google-gemini/gemini-cli#19727",
    ),
    (
        rf"too many input tokens\. max input tokens: {_M}, request input token count: {_N}",
        "Bedrock",
        "recorded in several public test suites",
    ),
    (
        rf"request \({_N} tokens\) exceeds the available context size \({_M} tokens\)",
        "llama.cpp, Ollama",
        "ItzCrazyKns/Vane#1011",
    ),
    (rf"prompt tokens \({_N}\) exceeds context size \({_M}\)", "ds4", "antirez/ds4#150"),
    (rf"token count of {_N} exceeds the limit of {_M}", "GitHub Copilot", "microsoft/GitHub-Copilot-for-Azure#23"),
    (rf"{_N} tokens? (?:>|exceeds?)\D{{0,60}}{_M}", "oMLX and many", "ValueCell-ai/ClawX#658"),
)

CODES = frozenset(
    {
        "context_length_exceeded",  # OpenAI and many; OpenRouter's metadata.error_type
        "token_limit_exceeded",  # OpenRouter's metadata.error_type
        "exceed_context_size_error",  # llama.cpp
        "context_exceeded",  # ds4
        "context_window_exceeded",
        "model_context_window_exceeded",  # Z.ai
        "model_max_prompt_tokens_exceeded",  # GitHub Copilot
        "1261",  # Z.ai: docs.z.ai/api-reference/api-code
    }
)

# With or without numbers; these decide whether an error is an overflow at all.
PHRASES: tuple[tuple[str, str, str], ...] = (
    (r"prompt (?:is )?too long", "Claude, Ollama, oMLX", "anthropics/claude-code#11434, dyad-sh/dyad#3498"),
    (r"maximum (?:context|prompt) length", "OpenAI and many, xAI, mlx-serve", "ddalcu/mlx-serve#66"),
    (
        r"context[ _]?(?:length|window|size|limit)[^.]{0,40}exceed",
        "LiteLLM, MiniMax",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        r"exceed\w*[^.]{0,60}context[ _](?:length|window|size|limit)",
        "OpenAI, Ollama, llama.cpp, LM Studio",
        "lmstudio-ai/model-catalog#38",
    ),
    (r"exceeded model token limit|input token length too long", "Moonshot", "platform.kimi.com/docs/api/errors"),
    (
        r"(?:longer|greater) than the (?:model's )?(?:context|maximum model) length|context length (?:is|of) only",
        "SGLang, vLLM, LM Studio",
        "sgl-project/sglang#8096",
    ),
    (
        r"exceeds (?:the )?maximum allowed (?:input )?length",
        "SGLang, OpenRouter (Poolside)",
        "mmcdermott/MEDS_EIC_AR#172",
    ),
    (r"is too long to fit into the model", "vLLM", "vllm-project/vllm#12165"),
    (r"reached context length of \d+ tokens", "LM Studio", "lmstudio-ai/lmstudio-bug-tracker#1251"),
    (r"exceeds? context size", "ds4", "antirez/ds4#150"),
    (r"input prompt \(\d+ tokens\) is too long", "vLLM", "vllm-project/vllm#10440"),
    # It takes the prompt off the window and is left with a negative rest.
    (r"max_(?:completion_)?tokens must be at least 1, got -\d", "vLLM", "vllm-project/vllm#4667, ovh/shai#97"),
    (r"tokens? exceed the configured limit", "Azure OpenAI", "earendil-works/pi, packages/ai/src/utils/overflow.ts"),
    (r"prompt exceeds max length", "Z.ai", "docs.z.ai/api-reference/api-code"),
    (r"prompt token count of \d+ exceeds", "GitHub Copilot", "microsoft/GitHub-Copilot-for-Azure#23"),
    (r"`inputs` tokens \+ `max_new_tokens` must be", "Together", "barun-saha/slide-deck-ai#44"),
    (r"range of input length should be", "Alibaba Qwen", "QwenLM/qwen-code#98"),
    (r"exceeds the maximum number of tokens allowed", "Gemini", "warpdotdev/warp#15662"),
    (r"input token count is \d+ but (?:the )?model only supports", "Vertex AI", "google-gemini/gemini-cli#19727"),
    (r"too many input tokens\. max input tokens", "Bedrock", "recorded in several public test suites"),
    (
        r"reduce the length of (?:the|your) (?:messages|prompt|input)",
        "OpenAI, Groq, Cerebras",
        "thepersonalaicompany/amurex-backend#51",
    ),
    (r"input is too long", "Bedrock", "docs.aws.amazon.com/bedrock, troubleshooting API error codes"),
)
