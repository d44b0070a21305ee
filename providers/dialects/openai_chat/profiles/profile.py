"""What one family of servers of this dialect does differently, as data. The families are in servers.py."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from providers.schemas.rules import HOSTED, SchemaRules

ALL_CHOICES = frozenset({"auto", "none", "required", "named"})


class Profile(msgspec.Struct, frozen=True):
    """One family of servers. `hosts` identify it by base URL, `port` by that of a self-hosted server.

    Limits and sampling
      `stop_limit`: how many stop sequences may be sent; the gateway watches for the rest. Models that think take
      sampling parameters and stop sequences only with `thinkers_take_sampling` and `thinkers_take_stops`. What a family
      of models refuses everywhere is in providers/families.py; `has_least_output`: so is its least limit of an answer.

    Conversation
      `system_in_place`: whether a system message may come inside the conversation; else it becomes a user's reminder.
      `merges_users`: user messages in a row are sent as one, because the server's templates want turns to alternate.
      `user_after_results`: whether a user message may follow tool results; else its text is added to the last of them.
      `null_content`: whether an assistant's message of calls alone may have null for its text; else it is "".
      `names_results`: a tool message has the tool's name. `short_call_ids`: ids of nine letters and digits.
      `unique_call_ids`: a history in which two calls have one id is refused, even if the server itself gave it twice.
      `prefill`: how an answer that the request begins is sent: marked in its message (`prefix`, `partial`), by a field
      (`continue_final_message`), as it is, or followed by a user message that asks for the rest (`asked`).
      `prefill_beta`: only DeepSeek's /beta knows it.
      `sends_cache_control`: models for which cache_control goes into content parts.
      `takes_urls`: whether the server fetches images by their web address; else they are fetched before.
      `documents`: whether PDFs are sent, and whether by address too; an unknown server refuses them itself.

    Tools
      `tool_choices`: the values of tool_choice; the rest is put into words, and "none" means to offer no tools.
      `parallel_control`: whether parallel_tool_calls is known.
      `history_needs_tools`: calls in the history are refused when no tools are offered.
      `schema_rules`: what is refused in a JSON schema, of a tool or of the answer.

    Thinking
      `effort`: how thinking is asked for: `reasoning_effort` (a word), `reasoning` (OpenRouter's object), `thinking`
      (an object with a type; `thinking_on` are further fields of it, and a word beside it where `efforts` has any),
      `enable_thinking` (a boolean) or `template` (arguments of the chat template). It is asked of models that
      think, by their row's capability or by `thinkers`, except where `asks_every_model`.
      `efforts`: the words the server knows, from the least to the most. `always_thinks`: models that refuse "off".
      `replay`: the field that takes earlier thinking back, of models that `replay_except` does not match; with
      `replay_required` every assistant message with tool calls must have it. `replays_details`: reasoning_details go
      back as they came.

    Around it
      `schemas`: how the answer's JSON schema is sent. `session_field`, `session_header`: what routes a session to one
      server. `caller_field`: the end user, hashed. `extra`: further fields, `extra_with_tools`: those beside tools.
    """

    name: str
    label: str
    hosts: tuple[str, ...] = ()
    port: int | None = None

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stop_limit: int = 4
    sends_stream_options: bool = True
    sends_top_k: bool = False
    thinkers_take_sampling: bool = True
    thinkers_take_stops: bool = True
    has_least_output: bool = True

    system_in_place: bool = True
    merges_users: bool = False
    user_after_results: bool = True
    null_content: bool = True
    names_results: bool = False
    short_call_ids: bool = False
    unique_call_ids: bool = False
    prefill: Literal["as_is", "prefix", "partial", "continue_final_message", "asked"] = "as_is"
    prefill_beta: bool = False
    sends_cache_control: re.Pattern[str] | None = None
    takes_urls: bool = True
    documents: Literal["refused", "inline", "inline_or_url"] = "refused"

    tool_name_limit: int = 64
    tool_choices: frozenset[str] = ALL_CHOICES
    parallel_control: bool = True
    history_needs_tools: bool = False
    schema_rules: SchemaRules = HOSTED

    effort: Literal["none", "reasoning_effort", "reasoning", "thinking", "enable_thinking", "template"] = (
        "reasoning_effort"
    )
    efforts: tuple[str, ...] = ("low", "medium", "high")
    thinking_on: tuple[tuple[str, Any], ...] = ()
    asks_every_model: bool = False
    thinkers: re.Pattern[str] | None = None
    always_thinks: re.Pattern[str] | None = None
    replay: str | None = None
    replay_except: re.Pattern[str] | None = None
    replay_required: bool = False
    replays_details: bool = False

    schemas: Literal["json_schema", "json_object", "words"] = "json_schema"
    session_field: str | None = None
    session_header: str | None = None
    caller_field: str | None = None
    extra: tuple[tuple[str, Any], ...] = ()
    extra_with_tools: tuple[tuple[str, Any], ...] = ()

    def sends_cache_marks(self, model: str) -> bool:
        """Whether cache_control is sent for a model."""
        return self.sends_cache_control is not None and self.sends_cache_control.search(model) is not None

    def replay_field(self, model: str) -> str | None:
        """The field that takes earlier thinking of a model back as text."""
        excepted = self.replay_except is not None and self.replay_except.search(model) is not None
        return None if excepted else self.replay
