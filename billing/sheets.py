"""Usage lines as a sheet: CSV in UTF-8 with a byte order mark, which spreadsheet programs need for Chinese text."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal

from django.utils.translation import gettext as _

from billing.explain import explain, plain
from billing.models import UsageLine

BYTE_ORDER_MARK = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Cell = str | Decimal


def cell(value: Cell) -> str:
    """Return a cell as it is written. Text that a spreadsheet would run as a formula is escaped; numbers never are."""
    if isinstance(value, Decimal):
        return plain(value)
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def lines_as_csv(lines: Iterable[UsageLine]) -> str:
    """Return the lines as a sheet in the active language."""
    out = io.StringIO()
    out.write(BYTE_ORDER_MARK)
    sheet = csv.writer(out)
    sheet.writerow(
        [
            _("Day"),
            _("Kind"),
            _("Contact"),
            _("Quantity"),
            _("Unit"),
            _("Price"),
            _("Amount"),
            _("Currency"),
            _("Explanation"),
            _("Corrects the line"),
            _("Reason"),
            _("Line"),
        ]
    )
    for line in lines:
        cells: list[Cell] = [
            line.occurred_on.isoformat(),
            str(line.get_kind_display()),
            str(line.contact_id or ""),
            line.quantity,
            str(line.get_unit_display()),
            line.unit_price,
            line.amount,
            line.currency,
            explain(line),
            str(line.corrects_id or ""),
            line.reason,
            str(line.id),
        ]
        sheet.writerow([cell(value) for value in cells])
    return out.getvalue()
