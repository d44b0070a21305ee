"""What each profile's server really said of a prompt that is too long, with the public source, and Claude's sentence.

Read in November 2026. Perplexity's wording is public nowhere that we found: its servers are vLLM, whose words are here.
"""

from __future__ import annotations

_GENERIC = "This model's maximum context length is 262144 tokens. However, your messages resulted in 262897 tokens."

BY_PROFILE: tuple[tuple[str, str, str, str], ...] = (
    (
        "openai",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "prompt is too long: Your input exceeds the context window of this model. Please adjust your input and try "
        "again.",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        "openai",
        "This model's maximum context length is 4097 tokens, however you requested 4569 tokens (3545 in your prompt; "
        "1024 for the completion). Please reduce your prompt; or completion length.",
        "input length and `max_tokens` exceed context limit: 3545 + 1024 > 4097",
        "acheong08/ChatGPT#501",
    ),
    (
        "azure",
        "This model's maximum context length is 8192 tokens. However, you requested 8218 tokens (8138 in the messages, "
        "80 in the completion). Please reduce the length of the messages or completion.",
        "input length and `max_tokens` exceed context limit: 8138 + 80 > 8192",
        "openai/openai-python#485",
    ),
    (
        "openrouter",
        "Provider returned error: " + _GENERIC,
        "prompt is too long: 262897 tokens > 262144 maximum",
        "cline/cline#13194",
    ),
    (
        "openrouter",
        "Input length 131100 exceeds the maximum allowed input length of 131072 tokens.",
        "prompt is too long: 131100 tokens > 131072 maximum",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        "deepseek",
        "This model's maximum context length is 131072 tokens. However, you requested 141403 tokens (133211 in the "
        "messages, 8192 in the completion). Please reduce the length of the messages or completion.",
        "prompt is too long: 133211 tokens > 131072 maximum",
        "netease-youdao/LobsterAI#60",
    ),
    (
        "groq",
        "Please reduce the length of the messages or completion.",
        "prompt is too long: Please reduce the length of the messages or completion.",
        "thepersonalaicompany/amurex-backend#51",
    ),
    (
        "mistral",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "prompt is too long: 40000 tokens > 32768 maximum",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        "xai",
        "This model's maximum prompt length is 131072 but the request contains 136973 tokens.",
        "prompt is too long: 136973 tokens > 131072 maximum",
        "cline/cline#3120",
    ),
    (
        "qwen",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 983616]",
        "prompt is too long: <400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 983616]",
        "QwenLM/qwen-code#2068",
    ),
    (
        "moonshot",
        "Invalid request: Your request exceeded model token limit : 131072 (requested: 140000)",
        "prompt is too long: 140000 tokens > 131072 maximum",
        "platform.kimi.com/docs/api/errors",
    ),
    (
        "moonshot",
        "Input token length too long",
        "prompt is too long: Input token length too long",
        "platform.kimi.com/docs/api/errors",
    ),
    (
        "zhipu",
        "Prompt exceeds max length",
        "prompt is too long: Prompt exceeds max length",
        "docs.z.ai/api-reference/api-code",
    ),
    ("perplexity", _GENERIC, "prompt is too long: 262897 tokens > 262144 maximum", "vllm-project/vllm#20409"),
    (
        "together",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32768. Given: 40000 `inputs` tokens and "
        "1000 `max_new_tokens`",
        "prompt is too long: 40000 tokens > 32768 maximum",
        "barun-saha/slide-deck-ai#44",
    ),
    (
        "fireworks",
        "The prompt is too long: 203557, model maximum context length: 196607",
        "prompt is too long: 203557 tokens > 196607 maximum",
        "langchain-ai/langchain#37457",
    ),
    (
        "cerebras",
        "Please reduce the length of the messages or completion. Current length is 42328 while limit is 40000",
        "prompt is too long: 42328 tokens > 40000 maximum",
        "cline/cline#5140",
    ),
    (
        "vllm",
        "This model's maximum context length is 16384 tokens. However, you requested 10000 output tokens and your "
        "prompt contains at least 12946 input tokens, for a total of at least 22946 tokens.",
        "input length and `max_tokens` exceed context limit: 12946 + 10000 > 16384",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        "vllm",
        "max_tokens must be at least 1, got -17032.",
        "prompt is too long: max_tokens must be at least 1, got -17032.",
        "ovh/shai#97",
    ),
    (
        "vllm",
        "The prompt (total length 25938) is too long to fit into the model (context length 4096). Make sure that "
        "`max_model_len` is no smaller than the number of text tokens plus multimodal tokens.",
        "prompt is too long: 25938 tokens > 4096 maximum",
        "vllm-project/vllm#12165",
    ),
    (
        "sglang",
        "Input length (85050 tokens) exceeds the maximum allowed length (32768 tokens). Use a shorter input.",
        "prompt is too long: 85050 tokens > 32768 maximum",
        "mmcdermott/MEDS_EIC_AR#172",
    ),
    (
        "sglang",
        "Input length (265330) exceeds model's maximum context length (262144).",
        "prompt is too long: 265330 tokens > 262144 maximum",
        "earendil-works/pi, packages/ai/src/utils/overflow.ts",
    ),
    (
        "llamacpp",
        "request (355724 tokens) exceeds the available context size (262144 tokens), try increasing it",
        "prompt is too long: 355724 tokens > 262144 maximum",
        "ItzCrazyKns/Vane#1011",
    ),
    (
        "llamacpp",
        "Prompt tokens (9000) exceeds context size (8192)",
        "prompt is too long: 9000 tokens > 8192 maximum",
        "antirez/ds4#150",
    ),
    (
        "lmstudio",
        "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 10247 >= "
        "n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter prompt.",
        "prompt is too long: 10247 tokens > 4096 maximum",
        "tinyhumansai/openhuman#3550",
    ),
    (
        "lmstudio",
        "Input length 1581 exceeds context length 1500",
        "prompt is too long: 1581 tokens > 1500 maximum",
        "lmstudio-ai/model-catalog#38",
    ),
    (
        "lmstudio",
        "Reached context length of 4096 tokens with model (arch: qwen3vlmoe) that does not currently support "
        "mid-generation context overflow.",
        "prompt is too long: Reached context length of 4096 tokens with model (arch: qwen3vlmoe) that does not "
        "currently support mid-generation context overflow.",
        "lmstudio-ai/lmstudio-bug-tracker#1251",
    ),
    (
        "ollama",
        "prompt too long; exceeded max context length by 540451 tokens (ref: 00ad71bb)",
        "prompt is too long: prompt too long; exceeded max context length by 540451 tokens (ref: 00ad71bb)",
        "dyad-sh/dyad#3498",
    ),
    (
        "litellm",
        "litellm.ContextWindowExceededError: litellm.BadRequestError: too much",
        "prompt is too long: litellm.ContextWindowExceededError: litellm.BadRequestError: too much",
        "docs.litellm.ai/docs/exception_mapping",
    ),
)

BY_PLATFORM: tuple[tuple[str, str, str], ...] = (
    (
        "Unable to submit request because the input token count is 1251952 but model only supports up to 1048576. "
        "Reduce the input token count and try again.",
        "prompt is too long: 1251952 tokens > 1048576 maximum",
        "google-gemini/gemini-cli#19727",
    ),
    (
        "The input token count exceeds the maximum number of tokens allowed 1048576.",
        "prompt is too long: The input token count exceeds the maximum number of tokens allowed 1048576.",
        "warpdotdev/warp#15662",
    ),
    (
        "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9279",
        "prompt is too long: 9279 tokens > 8192 maximum",
        "recorded in several public test suites",
    ),
)
