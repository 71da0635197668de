"""The operator's forms over an enterprise's money. Each calls one service, outside any scope."""

import datetime as dt
from abc import abstractmethod
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.forms.models import fields_for_model
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.events import hint_rerating
from billing.explain import explain
from billing.models import Rate, RateTable, Rerating, UsageLine
from billing.months import Month
from billing.services import tariffs
from billing.services.corrections import LONGEST_REASON, correct_line, worth_of
from billing.services.rerating import order_rerating
from tenants.administration import RefusedForm
from tenants.public import Tenant, db_now

PRICES = ("price_per_minute", "connection_fee", "minimum_charge", "initial_seconds", "increment_seconds")


class MoneyForm(RefusedForm):
    """A form about one enterprise, and one row of it where `model` says of what.

    `shows` are fields of a model to be put in; `filled` says that they begin with the row's values. Made, checked and
    shown in the enterprise's scope; `carry_out` is called outside of it.
    """

    model: ClassVar[Any] = None
    button = gettext_lazy("Save")
    done = gettext_lazy("Saved.")
    shows: ClassVar[tuple[Any, tuple[str, ...]] | None] = None
    filled = False

    def __init__(self, data: Any, *, tenant: Tenant, row: Any) -> None:
        super().__init__(data)
        self.tenant, self.row = tenant, row
        if self.shows:
            model, names = self.shows
            shown = fields_for_model(model, fields=names)
            self.fields = {**shown, **self.fields}
            if self.filled:
                self.initial = {name: getattr(row, name) for name in names}
        self.prepare()
        for field in self.fields.values():
            _dress(field)

    @property
    @abstractmethod
    def title(self) -> str:
        """The page's heading."""

    def prepare(self) -> None:
        """Set what depends on the row. The scope is open."""

    def about(self) -> str:
        """Return a sentence on what the form is about. The scope is open."""
        return ""

    @abstractmethod
    def carry_out(self, *, tenant_id: UUID, actor: str) -> str:
        """Call the service; return the address to go to."""

    def back(self) -> str:
        """Return the address of the page that this one was opened from."""
        return reverse("tenant-rates", args=[self.tenant.id])


class AddTableForm(MoneyForm):
    shows = (RateTable, ("name", "direction", "first_day", "last_day"))

    @property
    def title(self) -> str:
        return _("New rate table")

    def about(self) -> str:
        return _("Prices are in %(currency)s.") % {"currency": self.tenant.currency}

    def carry_out(self, **whose: Any) -> str:
        tariffs.add_table(**whose, **self.cleaned_data)
        return self.back()


class ChangeTableForm(AddTableForm):
    model, filled = RateTable, True

    @property
    def title(self) -> str:
        return _("Rate table “%(name)s”") % {"name": self.row.name}

    def carry_out(self, **whose: Any) -> str:
        tariffs.change_table(**whose, table_id=self.row.id, **self.cleaned_data)
        return self.back()


class AddRateForm(MoneyForm):
    model = RateTable
    shows = (Rate, ("prefix", *PRICES, "first_day", "last_day"))

    @property
    def title(self) -> str:
        return _("New price in “%(name)s”") % {"name": self.row.name}

    def about(self) -> str:
        return _("Prices are in %(currency)s.") % {"currency": self.tenant.currency}

    def carry_out(self, **whose: Any) -> str:
        tariffs.add_rate(**whose, table_id=self.row.id, **self.cleaned_data)
        return self.back()


class ChangeRateForm(MoneyForm):
    model, filled = Rate, True
    shows = (Rate, ("prefix", *PRICES, "first_day", "last_day"))

    @property
    def title(self) -> str:
        return _("Put the price of %(prefix)s right") % {"prefix": self.row.prefix or _("all other numbers")}

    def about(self) -> str:
        return _("It holds for all of its days. What is rated already keeps its line until you order a re-rating.")

    def carry_out(self, **whose: Any) -> str:
        tariffs.change_rate(**whose, rate_id=self.row.id, **self.cleaned_data)
        return self.back()


class ReplaceRateForm(MoneyForm):
    model, filled = Rate, True
    shows = (Rate, PRICES)
    first_day = forms.DateField(label=gettext_lazy("new price from"))
    field_order = ("first_day",)

    @property
    def title(self) -> str:
        return _("New price of %(prefix)s from a day on") % {"prefix": self.row.prefix or _("all other numbers")}

    def about(self) -> str:
        return _("The present price ends the day before. Calls are charged by the day on which they began.")

    def prepare(self) -> None:
        self.order_fields(self.field_order)

    def carry_out(self, **whose: Any) -> str:
        tariffs.replace_rate(**whose, rate_id=self.row.id, **self.cleaned_data)
        return self.back()


class EndRateForm(MoneyForm):
    model = Rate
    button = gettext_lazy("End")
    last_day = forms.DateField(label=gettext_lazy("last day"))

    @property
    def title(self) -> str:
        return _("End the price of %(prefix)s") % {"prefix": self.row.prefix or _("all other numbers")}

    def carry_out(self, **whose: Any) -> str:
        tariffs.end_rate(**whose, rate_id=self.row.id, **self.cleaned_data)
        return self.back()


class CorrectionForm(MoneyForm):
    model = UsageLine
    done = gettext_lazy("Corrected by a new line.")
    button = gettext_lazy("Correct")
    amount = forms.DecimalField(label=gettext_lazy("right amount"), max_digits=18, decimal_places=6, min_value=0)
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=LONGEST_REASON)

    @property
    def title(self) -> str:
        return _("Correct a line of %(day)s") % {"day": self.row.occurred_on.isoformat()}

    def about(self) -> str:
        amount = worth_of([self.row])[self.row.id].amount
        present = _("It comes to %(amount)s %(currency)s now.") % {
            "amount": f"{amount:.6f}",
            "currency": self.row.currency,
        }
        return f"{explain(self.row)}. {present}"

    def carry_out(self, **whose: Any) -> str:
        line = correct_line(**whose, line_id=self.row.id, **self.cleaned_data)
        return self._statement(line.occurred_on)

    def back(self) -> str:
        return self._statement(self.row.occurred_on)

    def _statement(self, day: dt.date) -> str:
        return reverse("tenant-statement", args=[self.tenant.id, str(Month.of(day))])


class ReratingForm(MoneyForm):
    done = gettext_lazy("Ordered. Corrections appear as it goes on.")
    button = gettext_lazy("Rate again")
    shows = (Rerating, ("first_day", "last_day", "reason"))

    @property
    def title(self) -> str:
        return _("Rate minutes again")

    def about(self) -> str:
        return _(
            "The minutes of these days are priced by the rates as they are now. Where the amount differs, a "
            "correction is written; lines that a person has corrected stay as they are."
        )

    def prepare(self) -> None:
        month = Month.of(db_now().astimezone(self.tenant.zone).date())
        self.initial = {"first_day": month.first_day, "last_day": month.last_day}

    def carry_out(self, **whose: Any) -> str:
        hint_rerating(order_rerating(**whose, **self.cleaned_data))
        return reverse("tenant-re-rate", args=[self.tenant.id])

    def back(self) -> str:
        return reverse("tenant-current-statement", args=[self.tenant.id])


def _dress(field: forms.Field) -> None:
    """Give a field the pages' look. Amounts are text fields, so that whatever was put in is there to be put right."""
    if isinstance(field, forms.DateField):
        field.widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    elif isinstance(field, forms.DecimalField | forms.IntegerField):
        field.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    select = isinstance(field.widget, forms.Select)
    field.widget.attrs["class"] = "form-select" if select else "form-control"
    field.widget.is_required = field.required
