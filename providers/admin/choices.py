"""What the choices of a provider's form mean, said of the chosen one alone."""

from __future__ import annotations

from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from providers.dialects.openai_chat.profiles.servers import HOSTED, LOCAL, OWN
from providers.models import Credential, Provider
from providers.platforms import PLATFORMS
from providers.platforms.contract import option_descriptions

DIALECTS: Final = {
    "anthropic": "Claude's own API, of Anthropic and of other gateways: requests and answers pass as they are.",
    "openai_chat": "/chat/completions, which most servers speak. Requests and answers are translated.",
    "openai_responses": "/responses of OpenAI and Azure: what their reasoning models need to call tools.",
    "gemini": "Google's generateContent. Requests and answers are translated.",
    "ollama": "/api/chat of an Ollama server, which takes more settings than its /v1.",
}
ADDRESSES: Final = {
    "anthropic": "With or without /v1 at its end, such as https://api.anthropic.com.",
    "openai_chat": "As OpenAI's SDK takes it: mostly it ends in /v1, such as http://127.0.0.1:8000/v1.",
    "openai_responses": "As OpenAI's SDK takes it: mostly it ends in /v1, such as http://127.0.0.1:8000/v1.",
    "gemini": "It ends in the version, such as https://generativelanguage.googleapis.com/v1beta.",
    "ollama": "Without a path, such as http://127.0.0.1:11434.",
}
"""Dialect -> what its base URLs look like."""
CLOUDS: Final = {
    "": "The base URL is the provider's own, and the credential is its API key.",
    "bedrock": "Claude in an AWS account: the base URL names the region, and the credential is a Bedrock API key or "
    "ACCESS_KEY:SECRET_KEY; without one, this machine's AWS keys are used.",
    "vertex": "Claude or Gemini in a Google Cloud project: the credential is the JSON key of a service account; "
    "without one, this machine's own.",
    "azure": "OpenAI's models in an Azure resource: the credential is its key; models are named by their deployments.",
}
SOURCES: Final = {
    Credential.Source.STORED: "Paste the secret here: it is encrypted, and sent to this provider's address alone.",
    Credential.Source.ENVIRONMENT: "The secret stays in the environment of every worker; only the variable's name is "
    "stored.",
}


def profiles() -> dict[str, str]:
    """Returns what each profile is for, by its name."""
    known = {profile.name: f"Chosen by itself for {', '.join(profile.hosts)}." for profile in HOSTED}
    own = {
        profile.name: f"A {profile.label} server."
        + (f" Chosen by itself for port {profile.port} of your own network." if profile.port else "")
        for profile in OWN
    }
    return {
        "": "By the base URL: a known company, a server of your own by its port, or else any other server.",
        **known,
        **own,
        LOCAL.name: "Any server of your own. Chosen by itself for private addresses.",
        "generic": "Takes the least for granted: for a server that refuses what others take.",
    }


def options_help() -> SafeString:
    """Returns the help text of a provider's options: each platform's fields with their descriptions."""
    known = format_html_join(
        "",
        '<span class="gw-block" data-gateway-when="platform={}"><code>{}</code>: {}</span>',
        (
            (
                platform.name,
                platform.name,
                "; ".join(f"{name} ({meaning})" for name, meaning in option_descriptions(platform)),
            )
            for platform in PLATFORMS.values()
        ),
    )
    example = '{"region": "eu-central-1"}'
    return format_html("A JSON object, such as <code>{}</code>. Empty without a platform.{}", example, known)


def platform_help() -> str:
    """Returns the help text of the platform field, with the libraries that are not installed."""
    return " ".join(
        [
            str(Provider._meta.get_field("platform").help_text),
            *(missing for platform in PLATFORMS.values() if (missing := platform.missing())),
        ]
    )
