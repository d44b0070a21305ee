"""A Claude conversation as chat messages. The same prefix of a conversation always gives the same messages.

A session sends all that was said with every request, so what was translated is kept for a while, by group
(providers.claude.turns).
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.claude.blocks import Block, system_blocks, system_text, text_block
from providers.claude.client_json import decode
from providers.claude.history.item import encoded
from providers.claude.signatures import origin_of
from providers.claude.turns import groups, turns_of
from providers.dialects.contract import Call
from providers.dialects.openai_chat.kept import Kept, KeptGroups
from providers.dialects.openai_chat.messages import Message, Writer, reminder_block
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.errors import UnsupportedRequest
from providers.fidelity import Fidelity, Notes

_kept_groups = KeptGroups()
_encode = msgspec.json.encode


def chat_messages(
    call: Call, profile: Profile, *, last_system: str | None = None, last_reminder: str | None = None
) -> list[Message]:
    """The messages of a call. `last_system` is added to the system prompt, `last_reminder` to the end.

    Raises UnsupportedRequest for media that the upstream cannot be given.
    """
    if call.texts_only and last_reminder is None and not profile.sends_cache_marks(call.model.name):
        texts = _texts_in_turns(call.body, last_system)
        if texts is not None:
            return texts
    origin = origin_of(call.provider, call.model)
    writer = Writer(profile, call.model.name, origin, call.notes)
    system = system_blocks(call.body)
    if last_system is not None:
        system = [*system, text_block(last_system)]
    writer.text_message("system", system)
    ids: dict[str, int] = {}
    *earlier, last = groups(call.body.get("messages")) or [[]]
    for group in earlier:
        kept = None if writer.has_waiting() else _kept(group, profile, call.model.name, origin)
        if kept is None or kept.messages is None or not kept.ids.keys().isdisjoint(ids):
            _open_last(writer.messages)
            writer.turns(turns_of(group, ids, call.notes))
            continue
        ids |= kept.ids
        writer.messages += kept.messages
        for code in kept.codes:
            call.notes.add(code)
    _open_last(writer.messages)
    writer.turns(turns_of(last, ids, call.notes))
    writer.flush()
    if last_reminder is not None:
        writer.user([reminder_block(last_reminder)])
    return writer.messages


def _texts_in_turns(body: dict[str, Any], last_system: str | None) -> list[Message] | None:
    """The messages of texts where user and assistant take turns, which are the same for every server; else None."""
    system = system_text(body)
    if last_system is not None:
        system = f"{system}\n\n{last_system}" if system else last_system
    made: list[Message] = [{"role": "system", "content": system}] if system else []
    last = ""
    for message in body["messages"]:
        role, content = message.get("role"), message["content"]
        if role == last or role not in ("user", "assistant") or not content:
            return None
        made.append({"role": role, "content": content})
        last = role
    return made


def _kept(group: list[Block], profile: Profile, model: str, origin: str) -> Kept:
    """The translation of a group, kept or made and kept now."""
    written = encoded(group)
    kept = _kept_groups.get(written, (profile.name, model, origin))
    if kept is None:
        kept = _made(group, written, Writer(profile, model, origin, notes := Notes()), notes)
        _kept_groups.add(kept, (profile.name, model, origin))
    return kept


def _made(group: list[Block], written: bytes, writer: Writer, notes: Notes) -> Kept:
    ids: dict[str, int] = {}
    try:
        writer.turns(turns_of(group, ids, notes))
    except UnsupportedRequest:
        return Kept(written)
    if writer.has_waiting() or notes.paths or not writer.messages or writer.messages[0]["role"] != "assistant":
        return Kept(written)
    messages = tuple(msgspec.Raw(_encode(message)) for message in writer.messages)
    return Kept(written, messages, ids, tuple(map(Fidelity, notes)))


def _open_last(messages: list[Any]) -> None:
    """The last message is read again: what follows may become a part of it."""
    if messages and isinstance(messages[-1], msgspec.Raw):
        messages[-1] = decode(messages[-1])
