"""Telling of the demo: `demo.json` for people and scripts, `simulation.json` for the simulated exchange."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from config.demo.backup import TRUNK
from config.demo.build import PROVIDER_SLUG
from config.demo.enterprises import OPERATOR, PUBLIC_NUMBER
from config.demo.passwords import Secrets
from config.demo.plan import AgentPlan, EnterprisePlan, PersonPlan, ServicePlan, StationPlan
from routing.switch.simulation.plan import CallerPlan, Duration, LinePlan, PhonePlan, TrafficPlan

Json = dict[str, Any]

SEED = 20260101
HIDDEN = 0.05
MISSED = 0.03
PUBLIC_KEYS = {"en": "1", "zh-hans": "2"}
PEOPLE_SEATS = 1
"""So many seats of each enterprise, the first ones, are left to people; the others are simulated."""


def tell(enterprises: Sequence[EnterprisePlan], ids: dict[str, UUID], secrets: Secrets, *, base_url: str) -> Json:
    """Everything that a visitor or a script needs to know."""
    return {
        "base_url": base_url,
        "urls": {
            "sign_in": f"{base_url}/",
            "administration": f"{base_url}/admin/",
            "api": f"{base_url}/api/v1/",
            "api_schema": f"{base_url}/api/v1/schema/",
            "health": f"{base_url}/readyz",
        },
        "public_number": {
            "e164": PUBLIC_NUMBER,
            "languages": {key: language for language, key in PUBLIC_KEYS.items()},
            "menu": {plan.menu_key: plan.slug for plan in enterprises},
        },
        "provider": _provider(ids[PROVIDER_SLUG], secrets),
        "tenants": [_tenant(plan, ids[plan.slug], secrets) for plan in enterprises],
        "secrets": secrets.all(),
    }


def _provider(tenant_id: UUID, secrets: Secrets) -> Json:
    return {
        "id": str(tenant_id),
        "slug": PROVIDER_SLUG,
        "people": [_person(OPERATOR, secrets)],
        "api_key": secrets.get(f"{PROVIDER_SLUG}/api_key"),
    }


def _tenant(plan: EnterprisePlan, tenant_id: UUID, secrets: Secrets) -> Json:
    return {
        "id": str(tenant_id),
        "slug": plan.slug,
        "name": plan.name,
        "language": plan.language,
        "time_zone": plan.time_zone,
        "currency": plan.currency,
        "numbers": [_number(service) for service in plan.services if service.e164],
        "people": [_person(member, secrets) for member in plan.people],
        "agents": [
            _agent(plan, place, agent, station, secrets)
            for place, (agent, station) in enumerate(zip(plan.agents, plan.stations, strict=True))
        ],
        "stations": [_station(plan, station, secrets) for station in plan.stations],
        "queues": [queue.code for queue in plan.queues],
        "customers": [asdict(customer) for customer in plan.customers],
        "api_key": secrets.get(f"{plan.slug}/api_key"),
    }


def _number(service: ServicePlan) -> Json:
    return {"e164": service.e164, "label": service.name, "keys": service.keys}


def _person(plan: PersonPlan, secrets: Secrets) -> Json:
    return {**asdict(plan), "password": secrets.password(plan.email)}


def _agent(plan: EnterprisePlan, place: int, agent: AgentPlan, station: StationPlan, secrets: Secrets) -> Json:
    return {
        "number": agent.number,
        "name": agent.name,
        "password": secrets.password(f"{plan.slug}/{agent.number}"),
        "extension": station.extension,
        "skills": dict(agent.skills),
        "simulated": place >= PEOPLE_SEATS,
    }


def _station(plan: EnterprisePlan, station: StationPlan, secrets: Secrets) -> Json:
    endpoint = plan.endpoint(station.extension)
    return {**asdict(station), "endpoint": endpoint, "sip_password": secrets.password(endpoint)}


# --- what the simulated exchange does ---------------------------------------------------------------------------------


def script(enterprises: Sequence[EnterprisePlan]) -> Json:
    """The simulated callers and telephones, as `routing.switch.simulation.plan.read_plan` reads them."""
    return asdict(
        TrafficPlan(
            seed=SEED,
            lines=tuple(line for plan in enterprises for line in _lines(plan)),
            phones=(
                *(phone for plan in enterprises for phone in _phones(plan)),
                # Whoever is called through the trunk: one telephone to the simulated exchange.
                PhonePlan(endpoint=TRUNK),
            ),
        )
    )


def _lines(plan: EnterprisePlan) -> Iterable[LinePlan]:
    callers = tuple(CallerPlan(number=customer.phone, name=customer.name) for customer in plan.customers)
    for service in plan.services:
        if service.e164 is not None:
            yield LinePlan(
                dnis=service.e164,
                calls_per_minute=service.calls_per_minute,
                callers=callers,
                keys=service.keys,
                patience_s=90.0,
                talk=plan.talk,
                hidden=HIDDEN,
            )
    yield LinePlan(
        dnis=PUBLIC_NUMBER,
        calls_per_minute=plan.public_calls_per_minute,
        callers=callers,
        keys=PUBLIC_KEYS[plan.language] + plan.menu_key + "1",
        patience_s=90.0,
        talk=plan.talk,
        hidden=HIDDEN,
    )


def _phones(plan: EnterprisePlan) -> Iterable[PhonePlan]:
    """Agents sometimes end the call, sometimes miss it; a person's own seat is always picked up."""
    for place, station in enumerate(plan.stations):
        simulated = place >= PEOPLE_SEATS
        yield PhonePlan(
            endpoint=plan.endpoint(station.extension),
            ring_s=(1.0, 5.0) if simulated else (0.5, 1.0),
            missed=MISSED if simulated else 0.0,
            talk=Duration(2 * plan.talk.median_s, plan.talk.sigma) if simulated else None,
        )
