"""Every transform by name. docs/transforms.md has them all in a table."""

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
        requests.CustomParams, "Add fields that the client did not send.", request=requests.customparams
    ),
    "reasoning": Transform(
        thinking.Reasoning, "Switch thinking on or off; drop earlier thinking.", request=thinking.reasoning
    ),
    "forcereasoning": Transform(
        thinking.ForceReasoning,
        "Make a model think that cannot: in words, between tags.",
        request=thinking.forcereasoning,
        stream=lambda call, options: tags.TagEdit(thinking.TAG),
        translated_only=True,
    ),
    "extrathinktag": Transform(
        tags.ExtraThinkTag,
        "Take thinking between tags such as <think> out of the answer's text.",
        stream=lambda call, options: tags.TagEdit(options.tag, anywhere=options.anywhere, opened=options.opened),
        translated_only=True,
    ),
    "tooluse": Transform(
        requests.NoOptions,
        "Demand a tool call in every reply, with ExitTool as the way out.",
        request=exit_tool.tooluse,
        stream=lambda call, options: exit_tool.ExitEdit(call),
        translated_only=True,
    ),
    "enhancetool": Transform(
        requests.NoOptions,
        "Repair the arguments of tool calls that are no JSON; they come in one piece then.",
        stream=lambda call, options: RepairEdit(call),
        translated_only=True,
    ),
}
