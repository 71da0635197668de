"""Logging in by WHO, WHAT and WHERE, and logging out."""

import ipaddress
import re
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError

from agents.errors import (
    AgentHasNoSkill,
    AgentInactive,
    AlreadyLoggedIn,
    ContactInProgress,
    LoginDisturbed,
    SeatsExhausted,
    StationTaken,
    StationUnknown,
    TenantSuspended,
    WhoUnknown,
)
from agents.models import Agent, AgentSession, NotReadyReason, SkillProfile, Slot, Station
from agents.selectors import free_stations, open_session_at_station, open_session_of_agent
from agents.services.availability import lock_session
from agents.services.profiles import ensure_profile, profile_key, skills_of
from agents.services.reasons import ensure_system_reasons
from agents.services.sessions import KIND, close_session, lock_sessions, system_reason
from agents.services.slots import arrange_slots, find_rules, lock_logins
from tenants.public import Entitlement, Tenant, db_now, record, tenant_scope

ATTEMPTS = 5
"""How often a login looks again when somebody else's login or a change of skills came in between."""

_DECIDING = {"one_open_session_per_agent", "one_open_session_per_station"}


@dataclass(frozen=True, slots=True)
class _Who:
    agent_id: UUID
    number: str
    skills: dict[str, int]


class _LookAgainError(Exception):
    """What was read before the transaction is no longer so."""


@dataclass(frozen=True, slots=True)
class Seated:
    """What a login came to: the open session, and whether it was open before and only goes on."""

    session: AgentSession
    resumed: bool


def log_in_agent(
    *,
    tenant_id: UUID,
    number: str,
    password: str,
    ip_address: str,
    extension: str = "",
    take_over: bool = False,
    actor: str | None = None,
) -> AgentSession:
    """Log an agent in as `seat_agent` does, for callers to whom a session that goes on is as good as a new one."""
    return seat_agent(
        tenant_id=tenant_id,
        number=number,
        password=password,
        ip_address=ip_address,
        extension=extension,
        take_over=take_over,
        actor=actor,
    ).session


def seat_agent(
    *,
    tenant_id: UUID,
    number: str,
    password: str,
    ip_address: str,
    extension: str = "",
    take_over: bool = False,
    actor: str | None = None,
) -> Seated:
    """Log an agent in: a new session, not ready, with its slots.

    WHO: agent number and password within the tenant. WHAT: the agent's skills, as a profile. WHERE: the station with
    `extension` if given, else the one that the table names for the workstation's `ip_address`.

    An agent who is logged in at that station already (the browser was closed, or died) goes on with the open session,
    in the state that it is in. One who is logged in at another is refused, or with `take_over` logged out there first,
    in the same transaction.

    Raises, in this order of looking: WhoUnknown, AgentInactive, TenantSuspended, AgentHasNoSkill, StationUnknown,
    AlreadyLoggedIn, ContactInProgress (what is to be taken over is on a contact), StationTaken, SeatsExhausted. Two
    logins that race are told apart by the unique indexes; the loser gets the same refusal as one who comes later.
    Counting failures is the edge's part.
    """
    who = _identify(tenant_id, number=number.strip(), password=password)
    actor = actor or f"agent:{who.agent_id}"
    for _attempt in range(ATTEMPTS):
        if not who.skills:
            raise AgentHasNoSkill(who.number)
        profile = ensure_profile(tenant_id=tenant_id, skills=who.skills, actor=actor)
        try:
            with tenant_scope(tenant_id, actor=actor):
                lock_logins()
                station = _find_seat(who, profile, ip_address=ip_address, extension=extension.strip())
                own = open_session_of_agent(who.agent_id)
                if own is not None and own.station_id == station.id:
                    return Seated(_resume(own.id), resumed=True)
                if own is not None:
                    _leave_other_seat(own, station, take_over=take_over)
                return Seated(_open_session(who, profile, station), resumed=False)
        except _LookAgainError:
            who = _read_again(tenant_id, who)
        except IntegrityError as error:
            if _constraint(error) not in _DECIDING:
                raise
    raise LoginDisturbed


def log_out(*, tenant_id: UUID, session_id: UUID, actor: str) -> AgentSession:
    """Log the session out and free its station; a wrap-up ends with it. Nothing happens when it is logged out already.

    Raises SessionUnknown, and ContactInProgress while an offer rings or a contact runs.
    """
    with tenant_scope(tenant_id, actor=actor):
        session = lock_session(session_id, may_be_over=True)
        if session.logged_out_at is None:
            if Slot.objects.filter(session_id=session.id, held=True).exists():
                raise ContactInProgress
            close_session(session, at=db_now())
    return session


def _identify(tenant_id: UUID, *, number: str, password: str) -> _Who:
    with tenant_scope(tenant_id, read_only=True):
        tenant = Tenant.objects.filter(id=tenant_id).first()
        # What cannot be an agent number is not asked of the database: a NUL, for one, would be an error there.
        known = bool(re.fullmatch(r"[0-9A-Za-z]{1,16}", number))
        agent = Agent.objects.select_related("user").filter(number=number).first() if known else None
        skills = skills_of(agent.id) if agent else {}
    # Hashing takes long on purpose: outside the transaction, and as long for a number that does not exist.
    if tenant is None or agent is None:
        make_password(password)
        raise WhoUnknown
    if not check_password(password, agent.user.password):
        raise WhoUnknown
    if not (agent.active and agent.user.is_active):
        raise AgentInactive(agent.number)
    if tenant.status != Tenant.Status.ACTIVE:
        raise TenantSuspended
    return _Who(agent.id, agent.number, skills)


def _read_again(tenant_id: UUID, who: _Who) -> _Who:
    with tenant_scope(tenant_id, read_only=True):
        return _Who(who.agent_id, who.number, skills_of(who.agent_id))


def _find_seat(who: _Who, profile: SkillProfile, *, ip_address: str, extension: str) -> Station:
    # A change of skills locks the agent too, so a session never starts with skills that were taken away. So does
    # every login: what is found of the agent's session below stays so.
    if not Agent.objects.select_for_update(no_key=True).filter(id=who.agent_id, active=True).exists():
        raise AgentInactive(who.number)
    if profile_key(skills_of(who.agent_id)) != profile.key:
        raise _LookAgainError
    return _find_station(who, ip_address=ip_address, extension=extension)


def _resume(session_id: UUID) -> AgentSession:
    """Let the agent go on with a session whose browser is gone; it stays in its state."""
    session = lock_sessions([session_id])[session_id]
    if session.logged_out_at is not None:
        raise _LookAgainError
    record("agent.session_resumed", session, kind=KIND, at=db_now(), station=str(session.station_id))
    session.save(update_fields=["version"])
    return session


def _leave_other_seat(own: AgentSession, station: Station, *, take_over: bool) -> None:
    """Log the agent out of another station, to sit at `station`; refuse unless that was asked for and is possible."""
    if not take_over:
        raise AlreadyLoggedIn(
            session_id=str(own.id),
            extension=own.station.extension,
            site=own.station.site.name,
            wanted=station.extension,
        )
    session = lock_sessions([own.id])[own.id]
    if session.logged_out_at is not None:
        return
    if Slot.objects.filter(session_id=session.id, held=True).exists():
        raise ContactInProgress(extension=own.station.extension)
    now = db_now()
    record(
        "agent.session_taken_over",
        session,
        kind=KIND,
        at=now,
        station=str(session.station_id),
        new_station=str(station.id),
    )
    session.save(update_fields=["version"])
    close_session(session, at=now)


def _open_session(who: _Who, profile: SkillProfile, station: Station) -> AgentSession:
    _refuse_taken(station)
    _take_seat()
    ensure_system_reasons()
    now = db_now()
    agent = Agent.objects.get(id=who.agent_id)  # locked by `_find_seat`
    reason = system_reason(profile.tenant_id, NotReadyReason.System.LOGGED_IN)
    session = AgentSession(
        agent_id=who.agent_id,
        station=station,
        profile=profile,
        reserve=agent.reserve,
        reason=reason,
        state_since=now,
        logged_in_at=now,
    )
    record(
        "agent.logged_in",
        session,
        kind=KIND,
        at=now,
        agent=str(who.agent_id),
        station=str(station.id),
        profile=str(profile.id),
        state=session.state,
        reason=str(reason.id) if reason else None,
    )
    session.save(force_insert=True)
    arrange_slots(session, agent, find_rules(), at=now)
    return session


def _find_station(who: _Who, *, ip_address: str, extension: str) -> Station:
    """Return the station by its extension, or else by the workstation's address; an address nobody knows finds none.

    The choice that a refusal offers is of the free stations and the one where the agent sits already.
    """
    looked_for = extension or ip_address
    rows = Station.objects.select_related("site")
    if extension:
        found = rows.filter(extension=extension).first() if re.fullmatch(r"[0-9]{2,10}", extension) else None
    else:
        found = rows.filter(ip_address=ip_address).first() if _is_ip_address(ip_address) else None
    if found is None:
        raise StationUnknown(
            looked_for=looked_for,
            stations=[
                {"id": str(station.id), "extension": station.extension, "site": station.site.name}
                for station in free_stations(but_for=who.agent_id)
            ],
        )
    station: Station = found
    return station


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _refuse_taken(station: Station) -> None:
    other = open_session_at_station(station.id)
    if other is not None:
        raise StationTaken(
            extension=station.extension, agent_number=other.agent.number, agent_name=other.agent.user.name
        )


def _take_seat() -> None:
    """Refuse when all rented seats are in use. Logins of one tenant come one after the other."""
    limit = Entitlement.objects.filter(kind=Entitlement.Kind.SEATS).values_list("limit", flat=True).first() or 0
    used = AgentSession.objects.filter(logged_out_at__isnull=True).count()
    if used >= limit:
        raise SeatsExhausted(limit=limit, used=used)


def _constraint(error: IntegrityError) -> str | None:
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
