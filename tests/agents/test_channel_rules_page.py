"""The administration's page for channel rules."""

from __future__ import annotations

from django.urls import reverse

from agents.services.slots import find_rules
from tenants.public import tenant_scope
from tests import factories
from tests.api import signed_in

ADD = "admin:agents_channelrules_add"


def test_an_administrator_says_how_many_and_what_keeps_what_away() -> None:
    tenant = factories.make_tenant()
    browser = signed_in(tenant)
    shown = browser.get(reverse(ADD)).content.decode()
    assert 'type="checkbox"' in shown
    both = {"kept-away-voice": ["work"], "kept-away-work": ["voice"]}
    saved = browser.post(reverse(ADD), {"capacity-voice": "1", "capacity-work": "4", **both})
    assert saved.status_code == 302, saved.content
    with tenant_scope(tenant.id, read_only=True):
        rules = find_rules()
    assert (rules.capacity, rules.kept_away_by) == (
        {"voice": 1, "work": 4},
        {"voice": ["work"], "work": ["voice"]},
    )
    change = reverse("admin:agents_channelrules_change", args=[rules.id])
    assert browser.post(change, {"capacity-voice": "1", "capacity-work": "4"}).status_code == 302
    with tenant_scope(tenant.id, read_only=True):
        assert find_rules().kept_away_by == {}
    refused = browser.post(change, {"capacity-voice": "2", "capacity-work": "4"})
    assert refused.status_code == 200
    assert 'value="2"' in refused.content.decode()
