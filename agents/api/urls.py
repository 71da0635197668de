"""Addresses of the API that `agents` serves, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from agents.api.agents import AgentViewSet
from agents.api.channels import ChannelRulesView
from agents.api.reserve import CloseReserveView, OpenReserveView, ReserveView
from agents.api.session import AgentSessionView, ExtendWrapUpView, LogOutView, NotReadyView, ReadyView
from agents.api.staff import AccountAgentViewSet, ReasonViewSet, SiteViewSet, SkillViewSet, StationViewSet, TeamViewSet

router = SimpleRouter(use_regex_path=False)
router.register("agents", AgentViewSet, basename="api-agent")
router.register("account-agents", AccountAgentViewSet, basename="api-account-agent")
router.register("skills", SkillViewSet, basename="api-skill")
router.register("teams", TeamViewSet, basename="api-team")
router.register("sites", SiteViewSet, basename="api-site")
router.register("stations", StationViewSet, basename="api-station")
router.register("not-ready-reasons", ReasonViewSet, basename="api-reason")

urlpatterns = [
    path("agent-session/", AgentSessionView.as_view(), name="api-agent-session"),
    path("agent-session/ready/", ReadyView.as_view(), name="api-ready"),
    path("agent-session/not-ready/", NotReadyView.as_view(), name="api-not-ready"),
    path("agent-session/wrap-up/extend/", ExtendWrapUpView.as_view(), name="api-extend-wrap-up"),
    path("agent-session/logout/", LogOutView.as_view(), name="api-log-out"),
    path("channel-rules/", ChannelRulesView.as_view(), name="api-channel-rules"),
    path("reserve/", ReserveView.as_view(), name="api-reserve"),
    path("reserve/open/", OpenReserveView.as_view(), name="api-open-reserve"),
    path("reserve/close/", CloseReserveView.as_view(), name="api-close-reserve"),
    *router.urls,
]
