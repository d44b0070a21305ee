"""The forms of invoices: a file with its provider, and what its columns mean."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from providers.models import Provider
from usage.invoices.columns import BY_NAME, Layout
from usage.invoices.sheet import DELIMITERS, MOST_BYTES, Sheet
from usage.invoices.values import DAYS, DECIMALS
from usage.rollups.models import AttemptRollup

_SEEN: Final = timedelta(days=400)
_MOST_ALIASES: Final = 500


def providers() -> dict[int, str]:
    """Returns the providers that may have sent an invoice: those of today, and those that are gone and were used."""
    since = timezone.now() - _SEEN
    used = AttemptRollup.objects.filter(starts_at__gte=since, provider_id__isnull=False).order_by()
    found = dict(used.values_list("provider_id", "provider_name").distinct()) | dict(
        Provider.objects.values_list("pk", "name")
    )
    return dict(sorted(found.items(), key=lambda item: item[1].casefold()))  # type: ignore[arg-type]


class UploadForm(forms.Form):
    """A file of a provider."""

    provider = forms.TypedChoiceField(coerce=int)
    file = forms.FileField(
        max_length=200, widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.tsv,.txt,text/csv"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = providers()
        self.fields["provider"].choices = list(self.names.items())  # type: ignore[attr-defined]

    def clean_file(self) -> Any:
        """Returns the file, unless it is too large."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(f"The file has more than {MOST_BYTES // 1_000_000} MB. Export a shorter period.")
        return file


class LayoutForm(forms.Form):
    """How a file is read. What its columns mean are fields `column-0` and so on, which the sheet decides."""

    days = forms.ChoiceField(label="Days look like", choices=list(DAYS.items()), widget=UnfoldAdminSelectWidget)
    decimal = forms.ChoiceField(
        label="Numbers look like", choices=list(DECIMALS.items()), widget=UnfoldAdminSelectWidget
    )
    delimiter = forms.ChoiceField(
        label="Cells end with", choices=list(DELIMITERS.items()), widget=UnfoldAdminSelectWidget
    )
    rate = forms.DecimalField(
        label="US dollars for one unit of the currency", required=False, min_value=Decimal("0.000001"),
        max_value=Decimal(1_000_000), decimal_places=6, widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text="Leave it empty for an invoice in US dollars.",
    )  # fmt: skip
    only_column = forms.ChoiceField(label="Only lines where", required=False, widget=UnfoldAdminSelectWidget)
    only_text = forms.CharField(
        label="contains", required=False, max_length=100, widget=UnfoldAdminTextInputWidget,
        help_text="For files about more than models, such as a cloud's bill.",
    )  # fmt: skip
    aliases = forms.CharField(
        label="Names of models", required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="One a line: the name on the invoice = the name here. Dates, vendors and capitals need none.",
    )  # fmt: skip

    def __init__(self, sheet: Sheet, data: QueryDict | None = None, layout: Layout | None = None) -> None:
        initial = None if layout is None else _initial(layout)
        super().__init__(data, initial=initial)
        self._sheet = sheet
        self.read_with = sheet.delimiter
        self._columns = {} if layout is None else layout.columns
        self.fields["only_column"].choices = [("", "every line"), *((name, name) for name in sheet.header)]  # type: ignore[attr-defined]

    def columns(self) -> Iterator[dict[str, Any]]:
        """Yields what the page shows of each column."""
        for at, name in enumerate(self._sheet.header):
            meaning = self._meaning(at) if self.is_bound else self._columns.get(name, "")
            yield {"field": f"column-{at}", "name": name, "samples": self._sheet.samples(at, 3), "meaning": meaning}

    def clean_aliases(self) -> dict[str, str]:
        """Returns names on the invoice with those here."""
        lines = [line for line in self.cleaned_data["aliases"].splitlines() if line.strip()]
        if len(lines) > _MOST_ALIASES:
            raise ValidationError(f"There are {len(lines)} names, and at most {_MOST_ALIASES} are kept. Remove some.")
        found = {}
        for line in lines:
            written, separator, here = (part.strip() for part in line.rpartition("="))
            if not separator or not written or not here:
                raise ValidationError(f"Write the name on the invoice = the name here, not “{line.strip()[:60]}”.")
            found[written[:160]] = here[:160]
        return found

    def layout(self) -> Layout:
        """Returns the layout of a valid form."""
        chosen = self.cleaned_data
        columns = {name: self._meaning(at) for at, name in enumerate(self._sheet.header) if self._meaning(at)}
        names = ("days", "decimal", "delimiter", "only_column", "only_text", "rate", "aliases")
        return Layout(columns, **{name: chosen[name] for name in names})

    def _meaning(self, at: int) -> str:
        meaning = str(self.data.get(f"column-{at}", ""))
        return meaning if meaning in BY_NAME else ""


def _initial(layout: Layout) -> dict[str, Any]:
    return {
        "days": layout.days,
        "decimal": layout.decimal,
        "delimiter": layout.delimiter,
        "only_column": layout.only_column,
        "only_text": layout.only_text,
        "rate": None if layout.rate is None else f"{layout.rate.normalize():f}",
        "aliases": "\n".join(f"{written} = {here}" for written, here in layout.aliases.items()),
    }
