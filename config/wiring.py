"""Who answers the ports of the lower apps. Wired once, when Django is ready; nothing else may know two sides."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

from agents.public import profile_hooks, skill_removal_hooks, staff_hooks, wrap_up_hooks
from billing.public import CONTACT_ENDED, rate_when_call_ended, rate_when_ended
from config.hints import HintSender
from reporting.public import mark_told
from routing.public import (
    CALL_BACK_DUE,
    OUTBOUND_ENDED,
    STEP_SET,
    MatchRunner,
    PoolTaken,
    end_wrap_up_segment_of,
    judge_profile,
    refuse_required_skill,
    run_pool,
    send_call_back,
    send_step,
    staff_changed,
)
from tenants import points
from tenants.public import on_leaving, subscribe, wire_matching, with_retries

log = logging.getLogger(__name__)

MATCH_PATIENCE_S = 2.0
MATCHING_THREADS = 3


def match(pool: UUID, *, wait: bool = True) -> bool:
    """Run the pass that a committed change asks for. False when it may not `wait` and another pass is under way.

    What asked for it has been committed, so whatever fails now must not make it look failed, nor be lost with a thread
    that nobody waits for: it is logged, and the sweep finds the pair a second later.
    """
    try:
        with_retries(lambda: run_pool(pool, wait=wait), patience_s=MATCH_PATIENCE_S)
    except PoolTaken:
        return False
    except Exception:
        log.exception("a matching pass failed; the sweep will make up for it")
    return True


@contextmanager
def matching_aside() -> Generator[None]:
    """Within it, passes that must wait do so in threads of their own: what an exchange tells next does not."""
    with ThreadPoolExecutor(MATCHING_THREADS, "matching") as threads:
        runner = MatchRunner(run=match, executor=threads)
        wire_matching(run_pools=runner, run_within=runner.within, send_hints=HintSender())
        try:
            yield
        finally:
            wire_matching(run_pools=MatchRunner(run=match), send_hints=HintSender())


def wire() -> None:
    """Connect the ports."""
    points.arm(os.environ)
    wire_matching(run_pools=MatchRunner(run=match), send_hints=HintSender())
    profile_hooks.append(judge_profile)
    skill_removal_hooks.append(refuse_required_skill)
    staff_hooks.append(staff_changed)
    wrap_up_hooks.append(end_wrap_up_segment_of)
    on_leaving(mark_told)
    subscribe(CONTACT_ENDED, rate_when_ended)
    subscribe(OUTBOUND_ENDED, rate_when_call_ended)
    subscribe(STEP_SET, send_step)
    subscribe(CALL_BACK_DUE, send_call_back)
