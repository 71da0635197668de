"""Call-backs over the API: asked for, listed, moved, cancelled; what came of them; each service's rule."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import OuterRef, QuerySet, Subquery
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.public import DeskView
from agents.public import Agent
from routing.call_back_states import OPEN_CALL_BACK, SAID_BY_AGENT, CallBackState, Outcome
from routing.models import (
    CallBack,
    CallBackAttempt,
    CallBackParty,
    CallBackRule,
    CallBackSource,
    Contact,
    EntryPoint,
    Queue,
)
from routing.services.call_back_asking import NAME_LIMIT, NOTE_LIMIT, Wish, ask_for_call_back, must_be_new
from routing.services.call_back_changes import cancel_call_back, change_call_back, tell_outcome
from routing.services.call_back_rules import remove_rule, save_rule
from routing.windows import zone_named
from tenants.api.public import NewestFirst, ReadRows, RelatedId, RowFilter
from tenants.public import Right


class AttemptSerializer(serializers.ModelSerializer[CallBackAttempt]):
    class Meta:
        model = CallBackAttempt
        fields = ("contact", "trunk", "began_at", "dialled_at", "answered_at", "ended_at", "outcome")


class CallBackSerializer(serializers.ModelSerializer[CallBack]):
    number = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField()
    agent = serializers.CharField(
        source="agent.number", allow_null=True, default=None, help_text="Asked before others."
    )
    tries = AttemptSerializer(many=True)

    class Meta:
        model = CallBack
        fields = (
            "id",
            "state",
            "outcome",
            "number",
            "name",
            "about",
            "entry_point",
            "queue",
            "source",
            "mode",
            "language",
            "agent",
            "asked_at",
            "opens_at",
            "due_at",
            "expires_at",
            "zone",
            "attempts",
            "origin",
            "ended_at",
            "tries",
        )


class WindowSerializer(serializers.Serializer[Any]):
    """When the customer wants to be called. Without: as soon as may be, until it expires."""

    opens_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    closes_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    zone = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=64, help_text="The time zone in which it was named."
    )
    about = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_LIMIT)

    def validate_zone(self, name: str) -> str:
        if name:
            zone_named(name)
        return name


class WishSerializer(WindowSerializer):
    entry_point = RelatedId(EntryPoint)
    number = serializers.CharField(max_length=40, help_text="In any international way of writing, or a national one.")
    name = serializers.CharField(required=False, allow_blank=True, max_length=NAME_LIMIT, default="")
    contact = RelatedId(Contact, required=False, allow_null=True, help_text="In which it was agreed.")
    agent = RelatedId(Agent, required=False, allow_null=True, help_text="Who is to be asked before others.")


class CallBackFilter(RowFilter):
    state = django_filters.MultipleChoiceFilter(choices=CallBackState.choices)
    open = django_filters.BooleanFilter(method="by_open")
    outcome = django_filters.MultipleChoiceFilter(choices=Outcome.choices)
    entry_point = django_filters.UUIDFilter(field_name="entry_point_id")
    queue = django_filters.UUIDFilter(field_name="queue_id")
    asked_after = django_filters.IsoDateTimeFilter(field_name="asked_at", lookup_expr="gte")
    asked_before = django_filters.IsoDateTimeFilter(field_name="asked_at", lookup_expr="lt")

    def by_open(self, rows: QuerySet[CallBack], name: str, value: bool) -> QuerySet[CallBack]:
        return rows.filter(state__in=OPEN_CALL_BACK) if value else rows.exclude(state__in=OPEN_CALL_BACK)


def call_back_rows() -> QuerySet[CallBack]:
    """Return call-backs with whom they are to, in one query, and their attempts in another, however many."""
    party = CallBackParty.objects.filter(call_back_id=OuterRef("id"))
    rows: QuerySet[CallBack] = CallBack.objects.select_related("agent").prefetch_related("tries")
    return rows.annotate(
        number=Subquery(party.values("number")[:1]),
        name=Subquery(party.values("name")[:1]),
        about=Subquery(party.values("note")[:1]),
    )


class CallBackViewSet(ReadRows):
    """Customers who are to be called, newest first. One is open for a number and service."""

    model = CallBack
    serializer_class: Any = CallBackSerializer
    filterset_class = CallBackFilter
    pagination_class = NewestFirst
    read_right = Right.READ_CALL_BACKS
    write_right = Right.WRITE_CALL_BACKS

    def rows(self) -> QuerySet[Any]:
        return call_back_rows()

    @extend_schema(request=WishSerializer, responses={201: CallBackSerializer})
    def create(self, request: Request, **address: Any) -> Response:
        """Have a customer called back. One that is open already is named in the refusal (409, `call-back-exists`)."""
        values = self.checked(WishSerializer)
        entry_point, contact, agent = values["entry_point"], values.get("contact"), values.get("agent")
        asked = ask_for_call_back(
            tenant_id=self.caller.tenant_id,
            entry_point_id=entry_point.id,
            wish=Wish(
                number=values["number"],
                name=values["name"],
                note=values.get("about", ""),
                opens_at=values["opens_at"],
                closes_at=values["closes_at"],
                zone=values["zone"],
                agent_id=agent.id if agent else None,
            ),
            source=CallBackSource.AGENT if self.caller.agent_session_id else CallBackSource.API,
            origin_id=contact.id if contact else None,
            actor=self.caller.actor,
        )
        return self.show(must_be_new(asked).id, status=201)

    @extend_schema(request=WindowSerializer, responses=CallBackSerializer)
    def partial_update(self, request: Request, pk: UUID, **address: Any) -> Response:
        """Call at another time, before anybody is asked."""
        values = self.checked(WindowSerializer)
        change_call_back(
            tenant_id=self.caller.tenant_id,
            call_back_id=self.own_id(),
            opens_at=values["opens_at"],
            closes_at=values["closes_at"],
            zone=values["zone"],
            note=values.get("about"),
            actor=self.caller.actor,
        )
        return self.show(pk)

    @extend_schema(request=None, responses=CallBackSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID, **address: Any) -> Response:
        """Call nobody any more. Refused (409) once the customer is on the line."""
        cancel_call_back(tenant_id=self.caller.tenant_id, call_back_id=self.own_id(), actor=self.caller.actor)
        return self.show(pk)


class OutcomeSerializer(serializers.Serializer[Any]):
    contact = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=[(each.value, each.label) for each in SAID_BY_AGENT])


class CallBackOutcomeView(DeskView):
    """Say what came of a call-back that you are on, or are in wrap-up after: a machine, for example."""

    @extend_schema(request=OutcomeSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        values = self.checked(OutcomeSerializer)
        tell_outcome(
            tenant_id=self.caller.tenant_id,
            contact_id=values["contact"],
            session_id=self.session_id,
            outcome=values["outcome"],
            actor=self.caller.actor,
        )
        return Response(status=204)


class CallBackRuleSerializer(serializers.ModelSerializer[CallBackRule]):
    entry_point = RelatedId(EntryPoint)
    queue = RelatedId(Queue, required=False, allow_null=True)
    hours = serializers.JSONField(required=False, help_text="As in a flow's “hours” node; empty: always open.")

    class Meta:
        model = CallBackRule
        fields = (
            "id",
            "entry_point",
            "queue",
            "mode",
            "most_attempts",
            "spacing_seconds",
            "ring_seconds",
            "keep_seconds",
            "hours",
        )
        # The service knows better, and says so in its own words.
        validators: tuple[Any, ...] = ()


class CallBackRuleViewSet(ReadRows):
    """How services call back."""

    model = CallBackRule
    serializer_class: Any = CallBackRuleSerializer
    read_right = Right.READ_ROUTING
    write_right = Right.WRITE_ROUTING

    @extend_schema(request=CallBackRuleSerializer, responses={201: CallBackRuleSerializer})
    def create(self, request: Request, **address: Any) -> Response:
        return self.show(self._save(None, self.checked(CallBackRuleSerializer)), status=201)

    @extend_schema(request=CallBackRuleSerializer(partial=True), responses=CallBackRuleSerializer)
    def partial_update(self, request: Request, pk: UUID, **address: Any) -> Response:
        rule_id, values = self.own_id(), self.checked(CallBackRuleSerializer, partial=True)
        values.pop("entry_point", None)
        return self.show(self._save(rule_id, values))

    def destroy(self, request: Request, pk: UUID, **address: Any) -> Response:
        remove_rule(tenant_id=self.caller.tenant_id, rule_id=pk, actor=self.caller.actor)
        return Response(status=204)

    def _save(self, rule_id: UUID | None, values: dict[str, Any]) -> UUID:
        caller = self.caller
        return save_rule(tenant_id=caller.tenant_id, rule_id=rule_id, values=values, actor=caller.actor).id
