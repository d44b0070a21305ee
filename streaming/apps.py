"""The road a request takes."""

from django.apps import AppConfig


class StreamingConfig(AppConfig):
    """No models: what passes through here is not kept."""

    name = "streaming"
    verbose_name = "Streaming"
