from billing.models.leases import NumberLease, SeatLease
from billing.models.rates import Rate, RateTable
from billing.models.rerating import Rerating
from billing.models.usage import UsageLine

__all__ = ["NumberLease", "Rate", "RateTable", "Rerating", "SeatLease", "UsageLine"]
