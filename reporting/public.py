"""The door of `reporting`: everything that `config` may use."""

from reporting.board import board_rows
from reporting.live import Live, read_live, read_teams
from reporting.records import CallRecord, RecordFilter, call_record, call_records

__all__ = [
    "CallRecord",
    "Live",
    "RecordFilter",
    "board_rows",
    "call_record",
    "call_records",
    "read_live",
    "read_teams",
]
