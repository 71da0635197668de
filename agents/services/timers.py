"""What the engine does when a session's timer is due. The session is locked first, then the timer is claimed."""

from agents.services.sessions import BACK_OFF_TIMER, WRAP_UP_TIMER, end_back_off, end_wrap_up, lock_sessions
from tenants.public import Due, claim_timer, db_now, engine_scope, timer_handler


@timer_handler(WRAP_UP_TIMER)
def end_due_wrap_up(due: Due) -> None:
    """End the wrap-up whose time is over, unless the agent ended or extended it meanwhile."""
    with engine_scope():
        session = lock_sessions([due.subject_id]).get(due.subject_id)
        if claim_timer(due) and session is not None:
            end_wrap_up(session, at=db_now())


@timer_handler(BACK_OFF_TIMER)
def end_due_back_off(due: Due) -> None:
    """Offer contacts to the session again, unless another back-off has begun meanwhile."""
    with engine_scope():
        session = lock_sessions([due.subject_id]).get(due.subject_id)
        if claim_timer(due) and session is not None:
            end_back_off(session, at=db_now())
