from routing.models.contacts import (
    Channel,
    Contact,
    ContactParty,
    Direction,
    FlowRun,
    Interaction,
    Leg,
    Participation,
    Segment,
)
from routing.models.matching import Demand, Eligibility, Exclusion, Offer, SlotHold
from routing.models.switching import (
    CommandKind,
    SwitchCommand,
    SwitchNode,
)
from routing.models.ways import Disposition, EntryPoint, Flow, FlowVersion, Queue

__all__ = [
    "Channel",
    "CommandKind",
    "Contact",
    "ContactParty",
    "Demand",
    "Direction",
    "Disposition",
    "Eligibility",
    "EntryPoint",
    "Exclusion",
    "Flow",
    "FlowRun",
    "FlowVersion",
    "Interaction",
    "Leg",
    "Offer",
    "Participation",
    "Queue",
    "Segment",
    "SlotHold",
    "SwitchCommand",
    "SwitchNode",
]
