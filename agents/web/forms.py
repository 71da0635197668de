"""The form with which agents log in: who they are, and if they like, where; and that which opens the reserve."""

from django import forms
from django.utils.translation import gettext_lazy as _


class LogInForm(forms.Form):
    """Company code, agent number, password; an extension only where the workstation's address names no station."""

    tenant = forms.CharField(
        label=_("Company code"),
        max_length=40,
        widget=forms.TextInput({"class": "form-control", "autocomplete": "organization", "autocapitalize": "none"}),
    )
    number = forms.CharField(
        label=_("Agent number"),
        max_length=16,
        widget=forms.TextInput({"class": "form-control", "autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput({"class": "form-control", "autocomplete": "current-password"}),
    )
    extension = forms.CharField(
        label=_("Extension"),
        max_length=10,
        required=False,
        help_text=_("Leave it empty at your usual computer: its address says where you sit."),
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off", "inputmode": "numeric"}),
    )
    take_over = forms.CharField(max_length=10, required=False, widget=forms.HiddenInput())
    """The extension to sit at after being logged out at another: the value of a button that a refusal shows."""


class OpenReserveForm(forms.Form):
    """For how long the reserve is to be open."""

    hours = forms.IntegerField(
        label=_("Close it after (h)"),
        min_value=1,
        max_value=168,
        required=False,
        help_text=_("Empty: somebody closes it."),
        widget=forms.NumberInput({"class": "form-control"}),
    )
