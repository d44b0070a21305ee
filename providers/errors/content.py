"""Recognises that a provider refused what a request says: moderation, safety checks, flagged input.

Providers answer these with 403, 400, 422 or inside a stream. They are the prompt's fault, not the credential's. Only
codes and whole phrases decide: `content` and `safety` alone are words of other errors too. Each row has its source,
read in November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from providers.errors import ErrorKind

_NO_LETTER = re.compile(r"[^a-z0-9]+")

# Without case and punctuation: data_inspection_failed and DataInspectionFailed are one.
_CODES: dict[str, str] = {
    "contentfilter": "Azure OpenAI, Moonshot: platform.kimi.com/docs/api/errors, 2026",
    "contentfiltered": "Bedrock Converse's stop reason",
    "contentpolicyviolation": "OpenAI, OpenRouter's metadata.error_type: openrouter.ai/docs/errors, 2026",
    "contentpolicyviolationerror": "LiteLLM's exception of that name",
    "imagecontentpolicyviolation": "OpenAI Responses, response.error.code",
    "contentmoderated": "xAI",
    "contentmoderation": "aggregators",
    "moderationblocked": "OpenAI",
    "moderationerror": "aggregators",
    "safetycheckfailed": "ZenMux: docs.zenmux.ai/guide/advanced/error-codes.html, 2026",
    "safetyviolation": "aggregators of xAI",
    "safetyviolations": "aggregators of xAI",
    "responsibleaipolicyviolation": "Azure OpenAI, innererror.code",
    "datainspectionfailed": "Alibaba Qwen: developer.aliyun.com/ask/578425",
    "invalidprompt": "OpenAI's reasoning models: BeehiveInnovations/pal-mcp-server#178, 2025-07",
    "cyberpolicy": "OpenAI",
    "sensitivewordsdetected": "new-api: openai/openai-cookbook#1224, 2024-05",
    "prohibitedcontent": "Gemini behind aggregators",
    "1301": "Z.ai: docs.z.ai/api-reference/api-code, 2026",
}
# Volcengine Ark: InputTextSensitiveContentDetected, SensitiveContentDetected.Violence, OutputTextRiskDetection.
_CODE_PARTS = ("sensitivecontentdetected", "textriskdetection")

_TEXT = r"(?:input|prompt|content|message|output|response|completion|image|text)s?"
_POLICY = r"(?:polic(?:y|ies)|guidelines?|terms of (?:use|service)|practices)"
_PHRASES = re.compile(
    "|".join(
        (
            # xAI, 403: UKGovernmentBEIS/inspect_ai#2267, 2025-08; Wei-Shaw/sub2api#5359, 2026-08.
            r"violates? (?:our |the )?usage guidelines",
            r"SAFETY_CHECK_TYPE",
            # OpenAI: openai/codex#7250, 2026-09; OpenRouter, 403: openrouter.ai/docs/errors. "Your input was flagged".
            rf"\b{_TEXT} (?:was|were|is|are|has been|have been|got) (?:flagged|moderated)",
            r"\brequest (?:was|has been) flagged[^.]{0,60}"
            r"(?:moderation|safety|content|usage polic|harm|violen|sexual|cyber)",
            # Azure OpenAI: learn.microsoft.com, "the prompt triggering Azure OpenAI's content management policy".
            r"content (?:management|filter(?:ing)?|moderation|safety) polic(?:y|ies)",
            # Claude: anthropics/claude-code#55789, 2026-05. Bedrock: "blocked by our content filters".
            r"blocked by (?:our |the |its |an? )*(?:content|safety|moderation) (?:filter|polic|system|check|guard)",
            # OpenAI: "Your request was rejected as a result of our safety system".
            r"(?:rejected|blocked|refused|flagged|stopped) (?:by|due to|because of|as a result of) (?:our |the |its )*"
            r"(?:content )?(?:moderation|safety) (?:system|filter|polic|check|service)",
            # OpenRouter's guardrails, 403: "Request blocked: prompt injection patterns detected".
            r"\brequest blocked[:,] [^.]{0,40}(?:prompt injection|moderation|sensitive|harmful)",
            rf"\b{_TEXT} (?:was |were |has been )?blocked by (?:a |the |our )?guardrail",
            # Google: "This prompt contains sensitive words that violate Google's Responsible AI practices".
            rf"\b{_TEXT}\b[^.]{{0,60}} violat(?:es?|ed|ing)[^.]{{0,60}} {_POLICY}",
            rf"\b{_TEXT} contains? sensitive (?:words|content|information)",
            # Moonshot: MoonshotAI/kimi-cli#1002, 2026-02. DeepSeek: 666ghj/BettaFish#108, 2025-11.
            r"considered high risk",
            r"content exists risk",
            # Alibaba Qwen: "Input data may contain inappropriate content".
            r"\b(?:input|output) (?:data |text |image )?may contain (?:inappropriate|sensitive) "
            r"(?:content|information)",
            # Z.ai: "potentially unsafe or sensitive content in input or generation".
            r"potentially unsafe or sensitive content",
            r"不安全或敏感内容",
        )
    ),
    re.IGNORECASE,
)
# An account that was closed for what it once sent: that is the credential's fault.
_ABOUT_THE_ACCOUNT = re.compile(
    r"\b(?:accounts?|organi[sz]ation|subscription|workspace|(?:api )?keys?) "
    r"(?:[^.:,]{0,40}\b(?:has|have|was|were|is|are)\b[^.:,]{0,20} )?"
    r"(?:suspended|terminated|disabled|deactivated|banned|locked|revoked|restricted|blocked|violat)",
    re.IGNORECASE,
)
# What these statuses and codes blame, when they are given for a prompt's content: the key, or the provider itself.
_MISTAKEN = frozenset({ErrorKind.PERMISSION, ErrorKind.AUTHENTICATION, ErrorKind.SERVER})


def content_kind(kind: ErrorKind, message: str, *, words: Iterable[str], status: int | None) -> ErrorKind:
    """Returns INVALID_REQUEST for an error about the prompt's content, else `kind`. `words` are its codes and types.

    A server error (5xx) needs a code: a phrase may be what a failed server quotes.
    """
    if kind not in _MISTAKEN:
        return kind
    by_code = any(_is_content_code(word) for word in words)
    by_words = (status is None or status < 500) and _says_content_refused(message)
    return ErrorKind.INVALID_REQUEST if by_code or by_words else kind


def _is_content_code(word: str) -> bool:
    plain = _NO_LETTER.sub("", word.lower())
    return plain in _CODES or any(part in plain for part in _CODE_PARTS)


def _says_content_refused(message: str) -> bool:
    return _PHRASES.search(message) is not None and _ABOUT_THE_ACCOUNT.search(message) is None
