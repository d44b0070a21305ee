"""Earlier thinking of an assistant message, for the servers that want their own back."""

from __future__ import annotations

from typing import Any

from providers.claude.blocks import Block
from providers.claude.signatures import pack, unpack
from providers.dialects.openai_chat.profiles.profile import Profile
from providers.dialects.openai_chat.reasoning_details import details_of, joined
from providers.fidelity import Fidelity, Notes

KIND = "chat"


def signature_of(origin: str) -> str:
    """The signature of thinking that is only text: it holds its origin."""
    return pack(KIND, origin, 1)


class Replay:
    """The earlier thinking that goes back to the model of one request; `origin` identifies that model."""

    __slots__ = ("_field", "_is_required", "_notes", "_takes_details", "origin")

    def __init__(self, profile: Profile, model: str, origin: str, notes: Notes) -> None:
        self.origin = origin
        self._field = profile.replay_field(model)
        self._is_required = profile.replay_required
        self._takes_details = profile.replays_details
        self._notes = notes

    def fields(self, blocks: list[Block], *, has_calls: bool) -> dict[str, Any]:
        """The fields of an assistant message of these blocks; what is left out is noted."""
        texts: list[str] = []
        details: list[dict[str, Any]] = []
        for block in blocks:
            if block.get("type") != "thinking":
                continue
            found = details_of(block, self.origin) if self._takes_details else None
            if found is not None:
                details += found
            elif self._field is not None and self._is_own(block.get("signature")):
                thinking = block.get("thinking")
                texts += [thinking] if isinstance(thinking, str) and thinking else []
            else:
                self._notes.add(Fidelity.THINKING_DROPPED)
        if details:
            if texts:
                self._notes.add(Fidelity.THINKING_DROPPED)
            return {"reasoning_details": joined(details)}
        if self._field is None:
            return {}
        if texts:
            return {self._field: "".join(texts)}
        return {self._field: " "} if has_calls and self._is_required else {}

    def _is_own(self, signature: Any) -> bool:
        """Unsigned thinking comes from older answers of a server that signs nothing."""
        return not signature or unpack(KIND, self.origin, signature) is not None
