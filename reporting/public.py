"""The door of `reporting`: everything that `config` may use."""

from reporting.board import board_rows
from reporting.live import Live, read_live
from reporting.projection import LogGapError
from reporting.services.keeping import keep_records
from reporting.services.projecting import mark_told, rebuild_records

__all__ = [
    "Live",
    "LogGapError",
    "board_rows",
    "keep_records",
    "mark_told",
    "read_live",
    "rebuild_records",
]
