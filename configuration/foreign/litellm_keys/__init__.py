"""Imports LiteLLM's virtual keys and teams from its tables, so that clients keep their keys."""

from configuration.foreign.litellm_keys.importing import import_keys as import_keys
from configuration.foreign.litellm_keys.tables import UnreadableDump as UnreadableDump
