"""Pages that undo nothing: what others changed while a page was open, or while its form was being saved, stays."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db import transaction
from django.forms.models import construct_instance
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from access import audit


class ShownBefore(forms.BoundField):
    """A field whose hidden value of before stays the one that was sent, also where it is several inputs or none."""

    def as_widget(self, widget: Any = None, attrs: Any = None, only_initial: bool = False) -> SafeString:
        """Renders the field. Django finds what was sent only where it is one input, and takes the new value else."""
        if not (only_initial and self.form.is_bound):
            return super().as_widget(widget, attrs, only_initial)
        hidden = self.field.hidden_widget()
        sent = self.form._widget_data_value(hidden, self.html_initial_name)  # type: ignore[attr-defined]
        shown = {**(attrs or {}), "id": self.html_initial_id}
        return hidden.render(self.html_initial_name, sent, shown, self.form.renderer)


class MergingForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that writes only the fields that its user changed: the page holds the values that it was shown with.

    Where a request has no such values, as that of a script, a field is changed if it differs from the row.
    """

    bound_field_class = ShownBefore

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A new row has nothing of before, and its checks are for what the page was opened with, too.
        if self.instance._state.adding:
            return
        # A field that is only shown is left out: one of them is the hash of a password.
        enabled = [bound for bound in self if not bound.field.disabled]
        names = {bound.html_initial_name for bound in enabled}
        # Of one field alone it cannot be said: a list that was empty sends nothing.
        sent = not self.data.keys().isdisjoint(names | {f"{name}_0" for name in names})
        for bound in enabled:
            bound.field.show_hidden_initial = sent or not self.is_bound

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        if self.instance._state.adding:
            return
        unchanged = self.cleaned_data.keys() - set(self.changed_data)
        kind = self.instance._meta
        now = {
            field.name: getattr(self.instance, field.name) for field in kind.concrete_fields if field.name in unchanged
        }
        related = {field.name for field in kind.many_to_many} & unchanged
        self.cleaned_data |= now | {name: getattr(self.instance, name).all() for name in related}


class ListRow(MergingForm):
    """A row of a list whose fields are edited in place. What is checked of whole rows is about other fields, which the
    list does not have."""

    ordering_field = ""
    """The field that dragging a row changes: the last order that is sent is the order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of a list without rows the form of a new one is made, which has no name yet.
        of = "a new row" if self.instance._state.adding else str(self.instance)
        for name, field in self.fields.items():
            # A list has no labels beside its fields.
            field.widget.attrs["aria-label"] = f"{field.label or name} of {of}"
        if self.ordering_field in self.fields:
            self.fields[self.ordering_field].show_hidden_initial = False

    def _post_clean(self) -> None:
        self.instance = construct_instance(self, self.instance, self._meta.fields, self._meta.exclude)


class EditedInList(ModelAdmin):
    """An admin page whose list is edited in place: it is saved behind the lock that every write takes, and of each row
    only what was changed. `row_form` is the form of a row."""

    row_form: ClassVar[type[ListRow]] = ListRow

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Reads and writes the rows behind the lock."""
        if request.method != "POST":
            return super().changelist_view(request, extra_context)
        with transaction.atomic():
            audit.lock()
            return super().changelist_view(request, extra_context)

    def get_changelist_form(self, request: HttpRequest, **options: Any) -> Any:
        """The form of a row."""
        form = type("Row", (self.row_form,), {"ordering_field": self.ordering_field or ""})
        return super().get_changelist_form(request, **{"form": form, **options})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A row of the list writes what was changed in it."""
        if isinstance(form, ListRow):
            # The form has its id, and may have fields that are none of the row's.
            stored = {field.name for field in obj._meta.concrete_fields if not field.primary_key}
            obj.save(update_fields=[name for name in form.changed_data if name in stored])
        else:
            super().save_model(request, obj, form, change)


class SerializedSaves:
    """An admin page that reads a row anew behind the lock that every write takes, so that nobody else's write falls
    between its reading and its saving."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Saves behind the lock."""
        page: Any = super().changeform_view  # type: ignore[misc]
        if request.method != "POST":
            answer: HttpResponse = page(request, object_id, form_url, extra_context)
            return answer
        with transaction.atomic():
            audit.lock()
            answer = page(request, object_id, form_url, extra_context)
            return answer
