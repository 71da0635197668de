"""Who answers the ports of the lower apps. Wired once, when Django is ready; nothing else may know two sides."""

from __future__ import annotations

import logging
import os
from uuid import UUID

from agents.public import profile_hooks, skill_removal_hooks, wrap_up_hooks
from billing.public import CONTACT_ENDED, rate_when_call_ended, rate_when_ended
from config.hints import HintSender
from reporting.public import mark_told
from routing.public import (
    OUTBOUND_ENDED,
    STEP_SET,
    MatchRunner,
    end_wrap_up_segment_of,
    judge_profile,
    refuse_required_skill,
    send_step,
)
from tenants import points
from tenants.public import on_leaving, subscribe, wire_matching, with_retries

log = logging.getLogger(__name__)

MATCH_PATIENCE_S = 2.0

_match = MatchRunner()


def run_pools(pools: frozenset[UUID]) -> None:
    """Run the passes that a committed change asks for.

    What asked for them has been committed, so a database that fails now must not make it look failed: the sweep finds
    the pair a second later.
    """
    try:
        with_retries(lambda: _match(pools), patience_s=MATCH_PATIENCE_S)
    except Exception:
        log.exception("a matching pass failed; the sweep will make up for it")


def wire() -> None:
    """Connect the ports."""
    points.arm(os.environ)
    wire_matching(run_pools=run_pools, send_hints=HintSender())
    profile_hooks.append(judge_profile)
    skill_removal_hooks.append(refuse_required_skill)
    wrap_up_hooks.append(end_wrap_up_segment_of)
    on_leaving(mark_told)
    subscribe(CONTACT_ENDED, rate_when_ended)
    subscribe(OUTBOUND_ENDED, rate_when_call_ended)
    subscribe(STEP_SET, send_step)
