"""The agent's own session: log in, ready, not ready, more wrap-up, log out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from agents.errors import SessionUnknown
from agents.models import AgentSession, NotReadyReason, Station
from agents.services.availability import extend_wrap_up, set_not_ready, set_ready
from agents.services.login import log_out
from agents.signin import attempt_login
from tenants.api.public import RelatedId, TenantView
from tenants.public import Right, sign_out, tenant_scope

MORE_WRAP_UP = 30
"""How many seconds a wrap-up is extended by when the request does not say."""


class AgentInSessionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.CharField()
    name = serializers.CharField(source="user.name")


class StationInSessionSerializer(serializers.ModelSerializer[Station]):
    site = serializers.CharField(source="site.name")

    class Meta:
        model = Station
        fields = ("id", "extension", "site", "answer_mode", "reachable")


class ReasonInSessionSerializer(serializers.ModelSerializer[NotReadyReason]):
    name = serializers.CharField(source="__str__")

    class Meta:
        model = NotReadyReason
        fields = ("id", "name", "system_code")


class AgentSessionSerializer(serializers.ModelSerializer[AgentSession]):
    """WHO (agent), WHAT (skills with proficiencies), WHERE (station), and the state since when."""

    agent = AgentInSessionSerializer()
    station = StationInSessionSerializer()
    reason = ReasonInSessionSerializer(allow_null=True)
    next_reason = ReasonInSessionSerializer(allow_null=True)
    skills = serializers.DictField(child=serializers.IntegerField(), source="profile.skills")
    wrap_up_contact = serializers.UUIDField(source="wrap_up_contact_id", allow_null=True)

    class Meta:
        model = AgentSession
        fields = (
            "id",
            "agent",
            "station",
            "skills",
            "state",
            "reason",
            "state_since",
            "next_state",
            "next_reason",
            "wrap_up_contact",
            "wrap_up_until",
            "logged_in_at",
            "logged_out_at",
        )


def session_data(tenant_id: UUID, session_id: UUID) -> Any:
    """Return an agent session as the API shows it. Opens a scope."""
    with tenant_scope(tenant_id, read_only=True):
        return _shown(session_id)


def _shown(session_id: UUID) -> Any:
    rows = AgentSession.objects.select_related("agent__user", "station__site", "profile", "reason", "next_reason")
    return AgentSessionSerializer(rows.get(id=session_id)).data


class DeskView(TenantView):
    """An endpoint for an agent who is signed in with this browser."""

    read_right = write_right = Right.USE_DESK

    @property
    def session_id(self) -> UUID:
        """The agent session of the caller. An agent is known by it, so there always is one."""
        session_id = self.caller.agent_session_id
        if session_id is None:
            raise SessionUnknown
        return session_id

    def answer_session(self) -> Response:
        return Response(session_data(self.caller.tenant_id, self.session_id))


class LogInSerializer(serializers.Serializer[Any]):
    tenant = serializers.CharField(max_length=40, help_text="The company's code.")
    number = serializers.CharField(max_length=16)
    password = serializers.CharField(max_length=200, trim_whitespace=False)
    extension = serializers.CharField(
        max_length=10, required=False, allow_blank=True, help_text="Where; otherwise found by the IP address."
    )
    take_over = serializers.BooleanField(
        default=False, help_text="Log out at another station first, if the agent is logged in there."
    )


class AgentSessionView(DeskView):
    """Log in, and see one's session."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if self._logs_in() else super().get_authenticators()

    def get_permissions(self) -> Sequence[Any]:
        return [] if self._logs_in() else super().get_permissions()

    def _logs_in(self) -> bool:
        # There is no request when the OpenAPI document is made.
        return getattr(self.request, "method", None) == "POST"

    @extend_schema(responses=AgentSessionSerializer)
    def get(self, request: Request) -> Response:
        return Response(_shown(self.session_id))

    @extend_schema(
        request=LogInSerializer, responses={200: AgentSessionSerializer, 201: AgentSessionSerializer}, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Log in with WHO, find WHAT and WHERE. The answer's cookies are the key to all else (CSRF token included).

        201 for a new session, 200 for the one that was open at this station already and goes on.
        """
        body = LogInSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        seated = attempt_login(
            request._request,
            tenant_slug=values["tenant"],
            number=values["number"],
            password=values["password"],
            extension=values.get("extension", ""),
            take_over=values["take_over"],
        )
        session = seated.session
        return Response(session_data(session.tenant_id, session.id), status=200 if seated.resumed else 201)


class ReadyView(DeskView):
    """Take contacts: now, or after the wrap-up that runs."""

    @extend_schema(request=None, responses=AgentSessionSerializer)
    def post(self, request: Request) -> Response:
        set_ready(tenant_id=self.caller.tenant_id, session_id=self.session_id, actor=self.caller.actor)
        return self.answer_session()


class NotReadySerializer(serializers.Serializer[Any]):
    reason = RelatedId(NotReadyReason)


class NotReadyView(DeskView):
    """Take no more contacts, for a reason: now, or after the wrap-up that runs."""

    @extend_schema(request=NotReadySerializer, responses=AgentSessionSerializer)
    def post(self, request: Request) -> Response:
        reason = self.checked(NotReadySerializer)["reason"]
        set_not_ready(
            tenant_id=self.caller.tenant_id, session_id=self.session_id, reason_id=reason.id, actor=self.caller.actor
        )
        return self.answer_session()


class ExtendSerializer(serializers.Serializer[Any]):
    seconds = serializers.IntegerField(min_value=1, max_value=1800, default=MORE_WRAP_UP)


class ExtendWrapUpView(DeskView):
    """Let the wrap-up last longer."""

    @extend_schema(request=ExtendSerializer, responses=AgentSessionSerializer)
    def post(self, request: Request) -> Response:
        seconds = self.checked(ExtendSerializer)["seconds"]
        extend_wrap_up(
            tenant_id=self.caller.tenant_id, session_id=self.session_id, seconds=seconds, actor=self.caller.actor
        )
        return self.answer_session()


class LogOutView(DeskView):
    """Log out and free the seat; the browser is signed out too."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        log_out(tenant_id=self.caller.tenant_id, session_id=self.session_id, actor=self.caller.actor)
        sign_out(request._request)
        return Response(status=204)
