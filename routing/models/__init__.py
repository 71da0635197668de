from agents.public import Channel
from routing.models.backup import BackupActivation, BackupPlan, BackupRoute, Diversion, OutboundCall, OutboundParty
from routing.models.call_backs import (
    CallBack,
    CallBackAttempt,
    CallBackMode,
    CallBackParty,
    CallBackRule,
    CallBackSource,
)
from routing.models.contacts import (
    Contact,
    ContactParty,
    Direction,
    FlowRun,
    Interaction,
    Leg,
    Participation,
    Segment,
    WorkItem,
)
from routing.models.matching import Demand, Eligibility, Exclusion, Offer, SlotHold
from routing.models.switching import (
    CommandKind,
    SwitchCommand,
    SwitchNode,
)
from routing.models.transfers import Transfer
from routing.models.trunks import BarredPrefix, Trunk
from routing.models.ways import Disposition, EntryPoint, Flow, FlowVersion, Queue, RoutingPolicy

__all__ = [
    "BackupActivation",
    "BackupPlan",
    "BackupRoute",
    "BarredPrefix",
    "CallBack",
    "CallBackAttempt",
    "CallBackMode",
    "CallBackParty",
    "CallBackRule",
    "CallBackSource",
    "Channel",
    "CommandKind",
    "Contact",
    "ContactParty",
    "Demand",
    "Direction",
    "Disposition",
    "Diversion",
    "Eligibility",
    "EntryPoint",
    "Exclusion",
    "Flow",
    "FlowRun",
    "FlowVersion",
    "Interaction",
    "Leg",
    "Offer",
    "OutboundCall",
    "OutboundParty",
    "Participation",
    "Queue",
    "RoutingPolicy",
    "Segment",
    "SlotHold",
    "SwitchCommand",
    "SwitchNode",
    "Transfer",
    "Trunk",
    "WorkItem",
]
