"""Every transform by name. docs/transforms.md lists them in a table."""

from __future__ import annotations

from providers.transforms import exit_tool, requests, tags, thinking
from providers.transforms.contract import Transform
from providers.transforms.repair_arguments import RepairEdit

REGISTRY: dict[str, Transform] = {
    "maxtoken": Transform(requests.MaxToken, "Lower max_tokens to the limit.", request=requests.maxtoken),
    "maxcompletiontokens": Transform(
        requests.NoOptions,
        "Send the limit as max_completion_tokens (dialect openai_chat).",
        request=requests.maxcompletiontokens,
    ),
    "sampling": Transform(
        requests.Sampling,
        "Set temperature, top_p, top_k and repetition_penalty; lower max_tokens.",
        request=requests.sampling,
    ),
    "streamoptions": Transform(
        requests.StreamOptions,
        "Ask for token counts in the stream (dialect openai_chat).",
        request=requests.streamoptions,
    ),
    "cleancache": Transform(
        requests.NoOptions,
        "Remove every cache_control, for servers that reject the field.",
        request=requests.cleancache,
    ),
    "customparams": Transform(
        requests.CustomParams, "Set fields of the request, whatever the client sent.", request=requests.customparams
    ),
    "reasoning": Transform(
        thinking.Reasoning, "Switch thinking on or off; drop earlier thinking.", request=thinking.reasoning
    ),
    "forcereasoning": Transform(
        thinking.ForceReasoning,
        "Ask a model without thinking to think in its text, between tags.",
        request=thinking.forcereasoning,
        stream=lambda call, options: tags.TagEdit(thinking.TAG),
        translated_only=True,
    ),
    "extrathinktag": Transform(
        tags.ExtraThinkTag,
        "Turn text between tags such as <think> into thinking.",
        stream=lambda call, options: tags.TagEdit(options.tag, anywhere=options.anywhere, opened=options.opened),
        translated_only=True,
    ),
    "tooluse": Transform(
        requests.NoOptions,
        "Require a tool call in every reply, with ExitTool to end.",
        request=exit_tool.tooluse,
        stream=lambda call, options: exit_tool.ExitEdit(call),
        translated_only=True,
    ),
    "enhancetool": Transform(
        requests.NoOptions,
        "Repair tool call arguments that are not JSON; arguments then arrive in one piece.",
        stream=lambda call, options: RepairEdit(call),
        translated_only=True,
    ),
}

FOREIGN_NAMES: dict[str, str] = {
    "anthropic": "choose the dialect anthropic",
    "openai": "choose the dialect openai_chat",
    "openai-responses": "choose the dialect openai_responses",
    "gemini": "choose the dialect gemini",
    "vertex-gemini": "choose the dialect gemini and the platform vertex",
    "vertex-claude": "choose the dialect anthropic and the platform vertex",
    "vertex-openai": "choose the dialect openai_chat with the base URL of Vertex AI's OpenAI-compatible endpoint",
    "deepseek": "choose the profile deepseek",
    "openrouter": "choose the profile openrouter, and customparams for further fields such as provider",
    "groq": "choose the profile groq",
    "cerebras": "choose the profile cerebras",
    "vercel": "choose the dialect openai_chat, and customparams for further fields",
    "ollama": "choose the dialect ollama",
}
"""Other gateways' transforms in lower case, and what to use here; completes “... is not a transform here: ”."""


def foreign_name_advice(name: str) -> str | None:
    """Returns what to use instead of another gateway's transform, as a sentence; None for an unknown name."""
    where = FOREIGN_NAMES.get(name.strip().lower())
    return None if where is None else f"{name} is not a transform here: {where}."
