"""The contract of the switch port: every adapter passes every one of these tests.

A module of tests inherits ``SwitchContract`` and gives it a ``far`` fixture. Each test names its adapter and records
the SIP Call-IDs that it used, so that a report can show which exchange they ran on.
"""

from __future__ import annotations

from tests.routing.switch.contract_bridges import BridgeContract
from tests.routing.switch.contract_callers import CallerContract
from tests.routing.switch.contract_state import StateContract
from tests.routing.switch.contract_telephones import TelephoneContract


class SwitchContract(CallerContract, TelephoneContract, BridgeContract, StateContract):
    """What every adapter does."""
