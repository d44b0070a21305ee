"""The project's settings with a channel layer whose server is dead: whatever touches the layer fails."""

from __future__ import annotations

from typing import Any, NoReturn

from proxysite.settings import *  # noqa: F403


class DeadLayer:
    """A channel layer that cannot be reached."""

    def __init__(self, **options: Any) -> None:
        raise ConnectionError("the channel layer's server is dead")

    def __getattr__(self, name: str) -> NoReturn:
        raise ConnectionError("the channel layer's server is dead")


CHANNEL_LAYERS = {"default": {"BACKEND": "tests.servers.settings_dead_layer.DeadLayer"}}
