"""The Django app of the streaming room."""

from django.apps import AppConfig


class StreamingConfig(AppConfig):
    """Has no models: nothing that passes through is stored."""

    name = "streaming"
    verbose_name = "Streaming"
