"""Who can serve what: one pure verdict, and the tables of demands, profiles and verdicts that it fills.

Demands and profiles are made each in a short transaction of its own under one advisory lock, taken in a statement of
its own: whichever comes second sees the first, so no pair goes unjudged.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from django.db import connections

from agents.public import SkillProfile
from routing.models import Channel, Demand, Eligibility, Queue
from tenants.public import current_scope, fetch, request_match, tenant_scope, wanted

Result = TypeVar("Result")
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtext('eligibility'))"


def canonical(requires: Mapping[str, int]) -> str:
    """Return the canonical form of required skills: "english>=3&loans>=1", sorted by skill code."""
    return "&".join(f"{code}>={level}" for code, level in sorted(requires.items()))


def judge(requires: Mapping[str, int], skills: Mapping[str, int]) -> tuple[bool, int]:
    """Return whether `skills` (code → proficiency 1–5) meet `requires` (code → least proficiency), and how well.

    The fit is the sum of the proficiencies in what is required: larger is better. Nothing required fits everyone.
    """
    fits = all(skills.get(code, 0) >= level for code, level in requires.items())
    return fits, sum(skills.get(code, 0) for code in requires) if fits else 0


class DemandMissing(Exception):
    """A contact needs a demand that has no row yet. Make it in a transaction of its own, then try again."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(f"queue {queue.id} has no demand for its present skills")
        self.tenant_id, self.queue_id = queue.tenant_id, queue.id


def with_demands(work: Callable[[], Result]) -> Result:
    """Run `work`, which opens its own scope; while it lacks a demand, make that and run it again."""
    while True:
        try:
            return work()
        except DemandMissing as missing:
            ensure_demand(tenant_id=missing.tenant_id, queue_id=missing.queue_id)


def find_demand(queue: Queue, *, channel: str = Channel.VOICE) -> Demand:
    """Return the demand of a contact that enters `queue` now; raise DemandMissing when it has no row yet."""
    (demands,) = fetch(wanted(Demand, "t.queue_id = %s AND t.channel = %s", [queue.id, str(channel)]))
    return _present(queue, demands)


def find_queue(tenant_id: UUID, code: str, *, channel: str = Channel.VOICE) -> tuple[Queue, Demand] | None:
    """Return the open queue of this code, with the demand of a contact that enters it now, in one round trip.

    None without one; raises DemandMissing when the demand has no row yet.
    """
    of_queue = "t.channel = %s AND t.queue_id = (SELECT id FROM routing_queue WHERE tenant_id = %s AND code = %s)"
    queues, demands = fetch(
        wanted(Queue, "t.tenant_id = %s AND t.code = %s AND t.active", [tenant_id, code]),
        wanted(Demand, of_queue, [str(channel), tenant_id, code]),
    )
    return (queues[0], _present(queues[0], demands)) if queues else None


def _present(queue: Queue, demands: Iterable[Demand]) -> Demand:
    """Return the one of the queue's demands, past and present, that its skills make now."""
    expression = canonical(queue.requires)
    for demand in demands:
        if demand.expression == expression:
            return demand
    raise DemandMissing(queue)


def ensure_demand(
    *, tenant_id: UUID, queue_id: UUID, channel: str = Channel.VOICE, requires: Mapping[str, int] | None = None
) -> None:
    """Make the demand of a queue's present skills and judge every profile by it; nothing if it is there.

    `requires` are the skills of a queue that is about to be changed, instead.
    """
    with tenant_scope(tenant_id):
        lock_eligibility()
        queue = Queue.objects.get(id=queue_id)
        needed = queue.requires if requires is None else dict(requires)
        demand, created = Demand.objects.get_or_create(
            tenant_id=tenant_id,
            queue=queue,
            channel=channel,
            expression=canonical(needed),
            defaults={"requires": needed},
        )
        if created:
            _store((demand, profile) for profile in SkillProfile.objects.all())
            request_match(tenant_id)


def judge_profile(profile: SkillProfile) -> None:
    """Judge a new profile by every demand. Runs in the transaction that made it, under the eligibility lock."""
    _store((demand, profile) for demand in Demand.objects.filter(tenant_id=profile.tenant_id))


def judge_missing(pool: UUID) -> int:
    """Judge the pairs of a pool that have no verdict, and return how many there were. In health there are none."""
    with tenant_scope(pool):
        lock_eligibility()
        known = set(Eligibility.objects.values_list("demand_id", "profile_id"))
        missing = [
            (demand, profile)
            for demand in Demand.objects.all()
            for profile in SkillProfile.objects.all()
            if (demand.id, profile.id) not in known
        ]
        _store(missing)
        if missing:
            request_match(pool)
    return len(missing)


def lock_eligibility() -> None:
    """Wait for whoever makes a demand or a profile. A statement of its own, so that the next one sees their rows."""
    with connections[current_scope().alias].cursor() as cursor:
        cursor.execute(LOCK_SQL)


def _store(pairs: Iterable[tuple[Demand, SkillProfile]]) -> None:
    rows = []
    for demand, profile in pairs:
        fits, fit = judge(demand.requires, profile.skills)
        rows.append(Eligibility(tenant_id=demand.tenant_id, demand=demand, profile=profile, fits=fits, fit=fit))
    Eligibility.objects.bulk_create(rows, ignore_conflicts=True)
