"""The engine's duty for records: write down what has happened, and tell the boards."""

from reporting.services.projecting import mark_unrelayed, write_records
from tenants.public import Teller

RECORDS = "record"
"""What pages are told has changed."""


def keep_records(teller: Teller) -> int:
    """Write down all that is behind the log, round by round; return how many rounds it took."""
    mark_unrelayed()
    rounds = 0
    while tenants := write_records():
        rounds += 1
        teller.tell(tenants, kind=RECORDS)
    return rounds
