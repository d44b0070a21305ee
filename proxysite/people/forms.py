"""Forms for who comes in: a new account, the question for a link to a new password, and new passwords."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordForm, UserCreationForm
from django.contrib.auth.models import User
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm
from unfold.widgets import INPUT_CLASSES, UnfoldAdminEmailInputWidget

from access.models import Invitation
from access.sign_in import hashing

BUSY = "Many people are signing in at the moment. Try again in a few seconds."


def styled(form: forms.BaseForm) -> None:
    """Gives the fields of a form unfold's look."""
    for field in form.fields.values():
        field.widget.attrs["class"] = " ".join(INPUT_CLASSES)


class AddressField(forms.EmailField):
    """An e-mail address as long as the database takes it, or none."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"})
        longest = Invitation._meta.get_field("email").max_length
        standard = {"label": "E-mail address", "required": False, "max_length": longest, "widget": widget}
        super().__init__(**{**standard, **options})


class AccountForm(UserCreationForm):  # type: ignore[type-arg]
    """The account of a new person."""

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail address"
        self.fields["username"].help_text = "Letters, digits and @ . + - _; others see it in reports."
        self.fields["email"].help_text = "For a link to a new password when you forget yours. May be empty."
        self.fields["password2"].label = "Password again"
        self.fields["password2"].help_text = ""
        styled(self)

    def clean_username(self) -> Any:
        """Returns the name, unless it differs from another only in case."""
        name = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("This name is taken. Choose another, or sign in above if it is yours.")
        return name

    def new_person(self) -> User:
        """Returns the person with the password hashed, not saved. Raises hashing.QueueFull."""
        with hashing.place(known=False):
            person: User = self.save(commit=False)
        return person


class AskForm(forms.Form):
    """Who wants a new password."""

    name = forms.CharField(
        label="Username or e-mail address",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        styled(self)


class SavesPassword:
    """Writes the password alone: while it is hashed, somebody may disable the person."""

    def save(self, commit: bool = True) -> User:
        """Stores the new password."""
        person: User = super().save(commit=False)  # type: ignore[misc]
        if commit:
            person.save(update_fields=["password"])
        return person


class PasswordOfUserForm(SavesPassword, AdminPasswordChangeForm):
    """Somebody's password, set by who may change that user."""


class ChangePasswordForm(SavesPassword, AdminOwnPasswordChangeForm):
    """One's own password, with the old one."""


class NewPasswordForm(SavesPassword, SetPasswordForm):  # type: ignore[type-arg]
    """A new password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""
        styled(self)

    def set_password(self) -> User:
        """Stores the new password. Every session of the person ends with the old one. Raises hashing.QueueFull."""
        with hashing.place(known=False):
            return self.save()
