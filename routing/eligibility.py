"""Who can serve what: one pure verdict, and the tables of demands, profiles and verdicts that it fills.

Demands and profiles are made each in a short transaction of its own under one advisory lock, taken in a statement of
its own: whichever comes second sees the first, so no pair goes unjudged.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import TypeVar
from uuid import UUID

from django.db import connections

from agents.public import SkillProfile
from routing.expressions import parse_expression
from routing.models import Channel, Demand, Eligibility, Queue, RoutingPolicy
from routing.steps import RoutingStep, steps_of
from tenants.public import Wanted, current_scope, fetch, request_match, tenant_scope, uuid7, wanted, write

Result = TypeVar("Result")
STORE_SQL = """
    INSERT INTO routing_eligibility (id, tenant_id, demand_id, profile_id, fits, fit)
    SELECT id, %s, demand, profile, fits, fit
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::boolean[], %s::smallint[]) AS t (id, demand, profile, fits, fit)
    ON CONFLICT DO NOTHING
"""
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtext('eligibility'))"


def judge(expression: str, skills: Mapping[str, int]) -> tuple[bool, int]:
    """Return whether `skills` (code → proficiency 1–5) meet a skill expression, and how well: larger is better."""
    fit = parse_expression(expression).fit(skills)
    return fit is not None, fit or 0


class DemandMissing(Exception):
    """A contact needs a demand that has no row yet. Make it in a transaction of its own, then try again."""

    def __init__(self, queue: Queue, channel: str) -> None:
        super().__init__(f"queue {queue.id} has no demand of channel {channel} for one of its present steps")
        self.tenant_id, self.queue_id, self.channel = queue.tenant_id, queue.id, channel


def with_demands(work: Callable[[], Result]) -> Result:
    """Run `work`, which opens its own scope; while it lacks a demand, make that and run it again."""
    while True:
        try:
            return work()
        except DemandMissing as missing:
            ensure_demands(tenant_id=missing.tenant_id, queue_id=missing.queue_id, channel=missing.channel)


def find_demand(queue: Queue, *, step: int = 0, channel: str = Channel.VOICE) -> Demand:
    """Return the demand of a contact at a step of `queue`; raise DemandMissing when it has no row yet."""
    (demands,) = fetch(wanted(Demand, "t.queue_id = %s AND t.channel = %s", [queue.id, str(channel)]))
    return _present(queue, step, channel, demands)


def find_queue(
    tenant_id: UUID, code: str, *, channel: str = Channel.VOICE
) -> tuple[Queue, Demand, RoutingPolicy] | None:
    """Return the open queue of this code, with the demand and the order of a contact that enters it now.

    One round trip. None without one; raises DemandMissing when the demand has no row yet.
    """
    of_queue = "t.channel = %s AND t.queue_id = (SELECT id FROM routing_queue WHERE tenant_id = %s AND code = %s)"
    queues, demands, policies = fetch(
        wanted(Queue, "t.tenant_id = %s AND t.code = %s AND t.active", [tenant_id, code]),
        wanted(Demand, of_queue, [str(channel), tenant_id, code]),
        _wanted_policy(tenant_id),
    )
    return (queues[0], _present(queues[0], 0, channel, demands), _policy(policies)) if queues else None


def find_policy(tenant_id: UUID) -> RoutingPolicy:
    """Return how the tenant's contacts are ordered."""
    (policies,) = fetch(_wanted_policy(tenant_id))
    return _policy(policies)


def _wanted_policy(tenant_id: UUID) -> Wanted[RoutingPolicy]:
    return wanted(RoutingPolicy, "t.tenant_id = %s", [tenant_id])


def _policy(found: Sequence[RoutingPolicy]) -> RoutingPolicy:
    return found[0] if found else RoutingPolicy()


def _present(queue: Queue, step: int, channel: str, demands: Iterable[Demand]) -> Demand:
    """Return the one of the queue's demands, past and present, that this step makes now."""
    expression = steps_of(queue)[step].expression
    for demand in demands:
        if demand.expression == expression:
            return demand
    raise DemandMissing(queue, channel)


def ensure_demands(
    *, tenant_id: UUID, queue_id: UUID, channel: str = Channel.VOICE, steps: Iterable[RoutingStep] | None = None
) -> None:
    """Make the demands of a queue's present steps and judge every profile by them; nothing of those that are there.
    For contacts of `channel`, and of every other that has been in the queue.

    `steps` are those of a queue that is about to be changed, instead.
    """
    with tenant_scope(tenant_id):
        lock_eligibility()
        queue = Queue.objects.get(id=queue_id)
        needed = {step.expression for step in (steps_of(queue) if steps is None else steps)}
        there = set(Demand.objects.filter(queue=queue).values_list("channel", "expression"))
        channels = {str(channel), *(each for each, _ in there)}
        made = [
            Demand(tenant_id=tenant_id, queue=queue, channel=each, expression=expression)
            for each in sorted(channels)
            for expression in sorted(needed)
            if (each, expression) not in there
        ]
        Demand.objects.bulk_create(made)
        if made:
            profiles = _profiles()
            _store(tenant_id, ((demand.id, demand.expression, *profile) for demand in made for profile in profiles))
            request_match(tenant_id)


def judge_profile(profile: SkillProfile) -> None:
    """Judge a new profile by every demand. Runs in the transaction that made it, under the eligibility lock."""
    _store(profile.tenant_id, ((*demand, profile.id, profile.skills) for demand in _demands()))


def judge_missing(pool: UUID) -> int:
    """Judge the pairs of a pool that have no verdict, and return how many there were. In health there are none."""
    with tenant_scope(pool):
        lock_eligibility()
        known = set(Eligibility.objects.values_list("demand_id", "profile_id"))
        missing = [
            (*demand, *profile)
            for demand, profile in product(_demands(), _profiles())
            if (demand[0], profile[0]) not in known
        ]
        _store(pool, missing)
        if missing:
            request_match(pool)
    return len(missing)


def lock_eligibility() -> None:
    """Wait for whoever makes a demand or a profile. A statement of its own, so that the next one sees their rows."""
    with connections[current_scope().alias].cursor() as cursor:
        cursor.execute(LOCK_SQL)


def _store(tenant_id: UUID, pairs: Iterable[tuple[UUID, str, UUID, Mapping[str, int]]]) -> None:
    """Write the verdict on each demand (id, expression) and profile (id, skills) that has none yet."""
    rows = [(uuid7(), demand, profile, *judge(expression, skills)) for demand, expression, profile, skills in pairs]
    if rows:
        ids, demands, profiles, verdicts, fits = map(list, zip(*rows, strict=True))
        write(STORE_SQL, [tenant_id, ids, demands, profiles, verdicts, fits])


def _demands() -> list[tuple[UUID, str]]:
    """Return id and expression of every demand of the open scope's tenant."""
    return list(Demand.objects.values_list("id", "expression"))


def _profiles() -> list[tuple[UUID, dict[str, int]]]:
    return list(SkillProfile.objects.values_list("id", "skills"))
