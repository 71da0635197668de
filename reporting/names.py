"""How people call what the records know by id. Read inside the caller's open tenant scope."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from agents.public import Agent
from reporting.models import SessionRecord
from routing.public import Disposition, EntryPoint, Queue


@dataclass(frozen=True, slots=True)
class Person:
    """An agent, by name and number."""

    agent_id: UUID
    name: str
    number: str


@dataclass(frozen=True, slots=True)
class Names:
    """The tenant's queues, entry points and dispositions by name, and who had which session."""

    queues: dict[UUID, str]
    entry_points: dict[UUID, str]
    dispositions: dict[UUID, str]
    sessions: dict[UUID, Person]

    def of_session(self, session_id: UUID | None) -> Person | None:
        """Return who had the session; None without one, or when that was not written down yet."""
        return self.sessions.get(session_id) if session_id else None


def read_names(sessions: Collection[UUID]) -> Names:
    """Read the names that call records need, of these sessions' agents: five statements."""
    agents = dict(SessionRecord.objects.filter(id__in=sessions).values_list("id", "agent_id"))
    people = read_people(set(agents.values()))
    return Names(
        queues=dict(Queue.objects.values_list("id", "name")),
        entry_points=dict(EntryPoint.objects.values_list("id", "name")),
        dispositions=dict(Disposition.objects.values_list("id", "name")),
        sessions={session: people[agent] for session, agent in agents.items() if agent in people},
    )


def read_people(agents: Collection[UUID]) -> dict[UUID, Person]:
    """Read the names of these agents: one statement."""
    rows = Agent.objects.filter(id__in=agents).values_list("id", "user__name", "number")
    return {agent_id: Person(agent_id, name, number) for agent_id, name, number in rows}
