"""`./gateway report_api_document`: prints the OpenAPI document of the report API."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from proxysite.report_api.api import document


class Command(BaseCommand):
    """docs/report-api.openapi.json is what it prints."""

    help = "Print the OpenAPI document of the report API."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(document(), indent=2))
