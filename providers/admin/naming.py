"""How a provider is named on pages, and where its models are listed."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from providers.models import Provider


def named(provider: Provider) -> str:
    """Returns the provider's name, with a badge if it is the demo."""
    badge = render_to_string("gateway/demo.html") if provider.is_demo else ""
    return format_html('<span class="flex items-center gap-2">{} {}</span>', provider.name, badge)


def models_url(provider: Provider) -> str:
    """Returns the address of the list of a provider's models."""
    return f"{reverse('admin:providers_model_changelist')}?provider__id__exact={provider.pk}"
