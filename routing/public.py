"""The door of `routing`: everything that other apps may use."""

from routing.backups import in_force, in_force_everywhere
from routing.eligibility import ensure_demands, judge_profile
from routing.flows import FlowReport, FlowUnreadable, read_flow_json
from routing.matching import MatchRunner, PoolTaken, run_pool, sweep
from routing.models import (
    Channel,
    Contact,
    ContactParty,
    Direction,
    Disposition,
    EntryPoint,
    Flow,
    FlowVersion,
    Interaction,
    Leg,
    Offer,
    OutboundCall,
    Participation,
    Queue,
    Segment,
    SwitchNode,
)
from routing.node import Sounds, SwitchWorker
from routing.selectors import calling_number, far_numbers, numbers_dialled
from routing.services.backup import STEP_SET
from routing.services.backup_plans import RouteDraft, save_plan
from routing.services.backup_rules import look_at_plan
from routing.services.call_backs import CALL_BACK_DUE
from routing.services.commands import switch_hint
from routing.services.desk import end_contact, finish_wrap_up
from routing.services.flows import check_flow, publish_flow
from routing.services.mend import mend
from routing.services.offers import accept_offer, reject_offer
from routing.services.outbound_legs import OUTBOUND_ENDED
from routing.services.queues import change_queue, create_queue, refuse_required_skill, remove_queue
from routing.services.segments import end_wrap_up_segment_of
from routing.services.staffing import staff_changed
from routing.services.steps import take_next_step
from routing.states import (
    COMMAND,
    CONTACT,
    LIVE_OFFER,
    OFFER,
    ContactState,
    EndedBy,
    EndReason,
    OfferState,
    SegmentKind,
)
from routing.tasks import send_call_back, send_step

__all__ = [
    "CALL_BACK_DUE",
    "COMMAND",
    "CONTACT",
    "LIVE_OFFER",
    "OFFER",
    "OUTBOUND_ENDED",
    "STEP_SET",
    "Channel",
    "Contact",
    "ContactParty",
    "ContactState",
    "Direction",
    "Disposition",
    "EndReason",
    "EndedBy",
    "EntryPoint",
    "Flow",
    "FlowReport",
    "FlowUnreadable",
    "FlowVersion",
    "Interaction",
    "Leg",
    "MatchRunner",
    "Offer",
    "OfferState",
    "OutboundCall",
    "Participation",
    "PoolTaken",
    "Queue",
    "RouteDraft",
    "Segment",
    "SegmentKind",
    "Sounds",
    "SwitchNode",
    "SwitchWorker",
    "accept_offer",
    "calling_number",
    "change_queue",
    "check_flow",
    "create_queue",
    "end_contact",
    "end_wrap_up_segment_of",
    "ensure_demands",
    "far_numbers",
    "finish_wrap_up",
    "in_force",
    "in_force_everywhere",
    "judge_profile",
    "look_at_plan",
    "mend",
    "numbers_dialled",
    "publish_flow",
    "read_flow_json",
    "refuse_required_skill",
    "reject_offer",
    "remove_queue",
    "run_pool",
    "save_plan",
    "send_call_back",
    "send_step",
    "staff_changed",
    "sweep",
    "switch_hint",
    "take_next_step",
]
