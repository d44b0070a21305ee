"""Files of these tests name variables of many kinds, so all are allowed here; tests of the list set it themselves."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def every_variable_is_allowed(settings: Any) -> None:
    """Other tests have the list that a new installation has."""
    settings.CREDENTIAL_VARIABLES = ["*"]
