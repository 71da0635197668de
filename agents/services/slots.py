"""The slots of a session: as many on each channel as its agent may have in hand, and what each of them keeps shut.

The tenant's rules and the agent's capacity are written onto the slots when a session begins and when either changes, so
that matching reads slots alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connections

from agents.channels import Channel
from agents.errors import FieldsInvalid
from agents.models import Agent, AgentSession, ChannelRules, Slot
from agents.services.sessions import KIND, lock_sessions, refresh_slots
from tenants.public import current_scope, db_now, record, request_match, writing


def change_channel_rules(*, tenant_id: UUID, values: Mapping[str, Any], actor: str) -> ChannelRules:
    """Change the tenant's rules (`capacity`, `kept_away_by`) for all agents, those at work included, at once.

    What is in hand stays in hand. Raises FieldsInvalid.
    """
    with writing(tenant_id, actor=actor):
        lock_logins()
        rules = find_rules()
        for name, value in values.items():
            setattr(rules, name, value)
        try:
            rules.clean_fields(exclude=["tenant"])
        except ValidationError as error:
            raise FieldsInvalid(error.message_dict) from error
        rules.tenant_id = tenant_id
        rules.save()
        ids = AgentSession.objects.filter(logged_out_at__isnull=True).values_list("id", flat=True)
        sessions = [row for row in lock_sessions(ids).values() if row.logged_out_at is None]
        agents = Agent.objects.in_bulk([session.agent_id for session in sessions])
        now = db_now()
        for session in sessions:
            rearrange_slots(session, agents[session.agent_id], rules, at=now)
    return rules


def find_rules() -> ChannelRules:
    """Return the rules of the open scope's tenant; the usual ones, unsaved, if it has none."""
    return ChannelRules.objects.first() or ChannelRules()


def lock_logins() -> None:
    """Let nobody else of the open scope's tenant log in before the transaction is over. Before any other lock."""
    scope = current_scope()
    with connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('seats'), hashtext(%s))", [str(scope.tenant_id)])


def rearrange_slots(session: AgentSession, agent: Agent, rules: ChannelRules, *, at: datetime) -> None:
    """Give a session at work, which is locked, the slots that agent and rules say, and have it matched."""
    if not arrange_slots(session, agent, rules, at=at):
        return
    record("agent.capacity_changed", session, kind=KIND, at=at, capacity=dict(rules.capacity_of(agent)))
    session.save(update_fields=["version"])
    refresh_slots(session)
    request_match(session.tenant_id)


def arrange_slots(session: AgentSession, agent: Agent, rules: ChannelRules, *, at: datetime) -> bool:
    """Write the slots of a session that agent and rules say: new ones shut, idle from `at`; those too many retired, if
    they can be chosen those that are not held. Returns whether anything changed. Inner step, role app.
    """
    capacity = rules.capacity_of(agent)
    there: dict[str, list[Slot]] = {channel: [] for channel in Channel.values}
    for slot in Slot.objects.filter(session_id=session.id).order_by("ordinal"):
        there[slot.channel].append(slot)
    present = {channel for channel, most in capacity.items() if most}
    changed, made = [], []
    for channel, slots in there.items():
        kept = {slot.id for slot in sorted(slots, key=lambda slot: not slot.held)[: capacity[channel]]}
        blocks = [other for other in rules.keeps_away(channel) if other in present]
        for slot in slots:
            retired = slot.id not in kept
            wanted = (retired, [*blocks, channel] if retired else blocks)
            if (slot.retired, slot.blocks) != wanted:
                slot.retired, slot.blocks = wanted
                changed.append(slot)
        made += [
            Slot(
                tenant_id=session.tenant_id,
                session=session,
                profile_id=session.profile_id,
                channel=channel,
                ordinal=ordinal,
                blocks=blocks,
                idle_since=at,
                offered_at=at,
            )
            for ordinal in range(len(slots), capacity[channel])
        ]
    Slot.objects.bulk_create(made)
    Slot.objects.bulk_update(changed, ["retired", "blocks"])
    return bool(made or changed)
