"""The door of `billing`: everything that `config` may use."""

from billing.events import CONTACT_ENDED, ask_for_ratings, rate_when_call_ended, rate_when_ended
from billing.models import NumberLease, Rate, RateTable, SeatLease, UsageLine
from billing.months import Month
from billing.schedule import SCHEDULE
from billing.selectors import Statement, statement, statements, usage_lines
from billing.services.accrual import accrue_leases
from billing.services.corrections import correct_line
from billing.services.leasing import end_number_lease, end_seat_lease, lease_number, lease_seats
from billing.services.rating import rate_contact, rate_outbound_call, rate_unrated
from billing.services.rerating import carry_out_rerating, order_rerating

__all__ = [
    "CONTACT_ENDED",
    "SCHEDULE",
    "Month",
    "NumberLease",
    "Rate",
    "RateTable",
    "SeatLease",
    "Statement",
    "UsageLine",
    "accrue_leases",
    "ask_for_ratings",
    "carry_out_rerating",
    "correct_line",
    "end_number_lease",
    "end_seat_lease",
    "lease_number",
    "lease_seats",
    "order_rerating",
    "rate_contact",
    "rate_outbound_call",
    "rate_unrated",
    "rate_when_call_ended",
    "rate_when_ended",
    "statement",
    "statements",
    "usage_lines",
]
