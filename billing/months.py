"""Months: what a statement covers, in the tenant's calendar."""

import datetime as dt
import re
from calendar import monthrange
from dataclasses import dataclass

from django.utils.translation import gettext as _

from tenants.public import NotFound

_FORM = re.compile(r"^(20[0-9]{2})-(0[1-9]|1[0-2])$")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, written 2026-11."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read "2026-11"; raise NotFound for anything else, as the address of a statement that is none."""
        match = _FORM.match(text)
        if match is None:
            raise NotFound(_("“%(month)s” is not a month such as 2026-11.") % {"month": text}, month=text)
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: dt.date) -> "Month":
        return cls(day.year, day.month)

    @property
    def first_day(self) -> dt.date:
        return dt.date(self.year, self.number, 1)

    @property
    def last_day(self) -> dt.date:
        return dt.date(self.year, self.number, monthrange(self.year, self.number)[1])

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02d}"
