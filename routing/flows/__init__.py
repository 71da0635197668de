"""Entry flows: what a caller hears and presses before the queue, as validated data and a pure interpreter.

`definition` holds the data, `validation` says what is wrong with it, `interpreter` takes a caller through it. What can
happen is in `triggers`, what is to be done in `actions`.
"""

from routing.flows.definition import FlowDefinition, QueueRefusal, parse_definition
from routing.flows.interpreter import FlowStep, advance
from routing.flows.problems import Problem, Severity
from routing.flows.state import FlowFacts, FlowState
from routing.flows.validation import FlowReport, FlowUnreadable, References, read_flow_json, validate_flow

__all__ = [
    "FlowDefinition",
    "FlowFacts",
    "FlowReport",
    "FlowState",
    "FlowStep",
    "FlowUnreadable",
    "Problem",
    "QueueRefusal",
    "References",
    "Severity",
    "advance",
    "parse_definition",
    "read_flow_json",
    "validate_flow",
]
