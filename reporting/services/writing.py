"""Loading and saving pages of records. Inner steps: the engine's scope is open, and nobody else writes records."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from reporting.models import CallRecord, LegRecord, OfferRecord, SessionRecord, Stretch
from reporting.projection import Logged, Page
from routing.public import LIVE_OFFER
from tenants.public import TenantModel, run_query

SQL = Path(__file__).parents[1] / "sql"
MODELS: tuple[type[TenantModel], ...] = (CallRecord, SessionRecord, Stretch, OfferRecord, LegRecord)


@dataclass(frozen=True, slots=True)
class Marked:
    """An aggregate: up to which event its records are written, and up to which the log is known to tell of it."""

    aggregate_id: UUID
    tenant_id: UUID
    kind: str
    done_seq: int = 0
    known_seq: int = 0


def read_events(marked: Sequence[Marked]) -> dict[UUID, list[Logged]]:
    """Return the events of each aggregate after those that are written down."""
    found: dict[UUID, list[Logged]] = defaultdict(list)
    parameters = {
        "tenants": [row.tenant_id for row in marked],
        "aggregates": [row.aggregate_id for row in marked],
        "after": [row.done_seq for row in marked],
    }
    for row in run_query(SQL / "events.sql", parameters):
        # Django leaves the decoding of jsonb to its own fields.
        event = Logged(*(*row[:-1], json.loads(row[-1])))
        found[event.aggregate_id].append(event)
    return found


def load_pages(marked: Sequence[Marked]) -> dict[UUID, Page]:
    """Return the pages of these aggregates as they were saved: five statements, however many."""
    pages = {row.aggregate_id: Page(row.tenant_id, row.aggregate_id, seq=row.done_seq) for row in marked}
    written = [row.aggregate_id for row in marked if row.done_seq]
    if not written:
        return pages
    for call in CallRecord.objects.filter(id__in=written):
        pages[call.id].call = call
    for session in SessionRecord.objects.filter(id__in=written):
        pages[session.id].session = session
    for stretch in Stretch.objects.filter(aggregate_id__in=written, ended_at__isnull=True):
        pages[stretch.aggregate_id].running = stretch
    tenants = {row.tenant_id for row in marked}
    for offer in OfferRecord.objects.filter(tenant_id__in=tenants, contact_id__in=written, state__in=LIVE_OFFER):
        pages[offer.contact_id].offers[offer.id] = offer
    return pages


def stored_rows(marked: Sequence[Marked]) -> dict[UUID, TenantModel]:
    """Return every row that is stored of these aggregates, by its id."""
    of_tenants = {"tenant_id__in": {row.tenant_id for row in marked}}
    ids: dict[str, list[UUID]] = defaultdict(list)
    for row in marked:
        ids[row.kind].append(row.aggregate_id)
    calls, sessions, legs, diversions = (ids[kind] for kind in ("contact", "agent_session", "leg", "diversion"))
    stretches = Stretch.objects.filter(**of_tenants)
    return {
        row.id: row
        for rows in (
            CallRecord.objects.filter(id__in=calls),
            stretches.filter(contact_id__in=calls, aggregate_id__in=calls),
            OfferRecord.objects.filter(contact_id__in=calls, **of_tenants),
            SessionRecord.objects.filter(id__in=sessions),
            stretches.filter(session_id__in=sessions, aggregate_id__in=sessions),
            LegRecord.objects.filter(id__in=legs),
            stretches.filter(aggregate_id__in=diversions) if diversions else (),
        )
        for row in rows
    }


def save_rows(rows: Iterable[TenantModel]) -> None:
    """Insert or overwrite these rows, one statement for each table, in their order."""
    by_model: Mapping[type[TenantModel], list[TenantModel]] = {model: [] for model in MODELS}
    for row in rows:
        by_model[type(row)].append(row)
    for model, changed in by_model.items():
        if changed:
            fields = [field.name for field in model._meta.concrete_fields if not field.primary_key]
            model.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=fields)


def delete_rows(rows: Collection[TenantModel]) -> None:
    """Delete these rows."""
    for model in MODELS:
        ids = [row.id for row in rows if type(row) is model]
        if ids:
            model.objects.filter(id__in=ids).delete()


def values_of(row: TenantModel) -> dict[str, Any]:
    """Return a row's columns, to compare two that should be alike."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
