"""Sheets: CSV in UTF-8 with a byte order mark, which spreadsheet programs need for Chinese text."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.http import HttpResponse

BYTE_ORDER_MARK = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | float | Decimal | None


def cell(value: Cell) -> str:
    """Return a cell as it is written. Text that a spreadsheet would run as a formula is escaped; numbers never are."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def sheet(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a sheet as text."""
    out = io.StringIO()
    out.write(BYTE_ORDER_MARK)
    written = csv.writer(out)
    written.writerow(header)
    for row in rows:
        written.writerow([cell(value) for value in row])
    return out.getvalue()


def sheet_file(name: str, text: str) -> HttpResponse:
    """Return a sheet as a file to keep, under that name."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=disposition)
