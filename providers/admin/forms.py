"""The forms of providers, credentials and models. A secret goes in and never comes back out."""

from __future__ import annotations

import json
import os
from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
)

from providers.admin.transform_chain import ChainField
from providers.config import CAPABILITIES
from providers.models import Credential, Model, Provider
from providers.platforms import PLATFORMS
from providers.platforms.contract import option_descriptions
from providers.validation import check_transforms
from proxysite.console.form_fields import JsonField


def options_help() -> SafeString:
    """What may stand in a provider's options: each platform's fields and what they are for."""
    known = format_html_join(
        "",
        "<br><code>{}</code>: {}",
        (
            (platform.name, "; ".join(f"{name} ({meaning})" for name, meaning in option_descriptions(platform)))
            for platform in PLATFORMS.values()
        ),
    )
    example = '{"region": "eu-central-1"}'
    return format_html("As a JSON object, such as <code>{}</code>. Empty without a platform.{}", example, known)


def platform_help() -> str:
    """What a platform is, and which cannot be used as this gateway is installed."""
    return " ".join(
        [
            str(Provider._meta.get_field("platform").help_text),
            *(missing for platform in PLATFORMS.values() if (missing := platform.missing())),
        ]
    )


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    """A provider."""

    options = JsonField(dict, options_help())
    headers = JsonField(dict, str(Provider._meta.get_field("headers").help_text))
    transforms = ChainField(
        "Changes to each request to this provider, in this order; to its answers in the opposite one."
    )

    class Meta:
        model = Provider
        exclude = ()
        labels = {"base_url": "Base URL", "proxy_url": "Proxy URL"}
        help_texts = {"platform": platform_help()}
        error_messages = {
            "name": {"unique": "Another provider has this name: choose a different one, or edit that provider."}
        }


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    """A credential. `secret` is written and never shown; left empty, what is stored stays."""

    secret = forms.CharField(
        required=False,
        max_length=16384,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
        help_text="Kept encrypted and never shown again. Leave it empty to keep the stored one.",
    )

    class Meta:
        model = Credential
        fields = (
            "name",
            "source",
            "secret",
            "variable",
            "position",
            "weight",
            "requests_per_minute",
            "tokens_per_minute",
            "concurrent",
            "enabled",
        )

    def clean_secret(self) -> str:
        """One line of visible ASCII, as a header takes it; a key that is a JSON file may have any number of lines."""
        secret: str = self.cleaned_data["secret"]
        if secret.startswith("{"):
            return _one_line(secret)
        if not all("!" <= c <= "~" for c in secret):
            raise ValidationError("The secret holds white space or characters that no key has: copy it once more.")
        return secret

    def clean(self) -> dict[str, Any]:
        """Bring secret, variable and source into line, and encrypt what was entered."""
        data: dict[str, Any] = super().clean() or {}
        secret = data.get("secret", "")
        if data.get("source") == Credential.Source.ENVIRONMENT:
            self._from_environment(data, secret)
        elif secret:
            try:
                self.instance.set_secret(secret)
                if secret.startswith("{"):
                    # The last characters of a file tell nothing.
                    self.instance.last_four = ""
            except ImproperlyConfigured as error:
                self.add_error("secret", str(error))
        elif not self.instance.ciphertext and "secret" not in self.errors:
            self.add_error("secret", "Enter the secret, or choose an environment variable as its source.")
        return data

    def _from_environment(self, data: dict[str, Any], secret: str) -> None:
        if not data.get("variable") and "variable" not in self.errors:
            self.add_error("variable", "Enter the name of the variable that holds the secret.")
        if secret:
            self.add_error("secret", "Leave this empty: the secret is read from the variable.")
        # What is not used is not kept.
        self.instance.ciphertext = self.instance.last_four = ""


def _one_line(secret: str) -> str:
    """The same JSON object in one line. Raises ValidationError."""
    try:
        found = json.loads(secret)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValidationError(
            "The secret looks like a JSON file and is none: copy the whole file once more."
        ) from error
    return json.dumps(found)


def credential_state(credential: Credential) -> tuple[str, bool]:
    """What to show of a credential's secret, and whether it looks usable from this process."""
    if credential.source == Credential.Source.ENVIRONMENT:
        present = bool(os.environ.get(credential.variable))
        return f"{credential.variable} is {'set' if present else 'not set'} in this process", present
    if not credential.ciphertext:
        return "no secret stored", False
    return f"stored, ends in …{credential.last_four}" if credential.last_four else "stored", True


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """An upstream model, its capabilities as check boxes."""

    capabilities = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {meaning}") for name, meaning in CAPABILITIES.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="What the model can do.",
    )
    transforms = ChainField("Changes to each request after the provider's own, in this order; to answers before them.")

    class Meta:
        model = Model
        exclude = ()

    def clean(self) -> dict[str, Any]:
        """Say beside the name that the provider has such a model already, and that limits must fit each other."""
        data: dict[str, Any] = super().clean() or {}
        # On the page of a new provider there is none to ask about yet; NamedOnce looks at the rows themselves.
        provider: Provider | None = data.get("provider")
        taken = Model.objects.filter(name=data.get("name")).exclude(pk=self.instance.pk)
        if provider is not None and provider.pk and taken.filter(provider=provider).exists():
            self.add_error("name", "This provider has a model of that name already: edit that one.")
        if provider is not None and "transforms" in data:
            try:
                check_transforms(data["transforms"], provider.dialect)
            except ValidationError as error:
                self.add_error(None, error)
        window, most = data.get("context_window"), data.get("max_output")
        if window and most and most > window:
            self.add_error("max_output", "This is more than the context window holds.")
        return data
