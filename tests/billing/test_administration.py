"""Billing's tables in the administration: to look at, one's own only."""

import pytest

from billing.models import UsageLine
from billing.services.rating import rate_contact
from tenants.public import Role, tenant_scope
from tests.api import signed_in
from tests.contact_rows import make_contact
from tests.factories import make_tenant


@pytest.mark.parametrize("model", ["ratetable", "rate", "seatlease", "numberlease", "usageline"])
def test_an_administrator_looks_and_changes_nothing(model: str) -> None:
    browser = signed_in(make_tenant())

    assert browser.get(f"/admin/billing/{model}/").status_code == 200
    assert browser.get(f"/admin/billing/{model}/add/").status_code == 403
    assert signed_in(make_tenant(), role=Role.SUPERVISOR).get(f"/admin/billing/{model}/").status_code in (302, 403)


def test_a_line_is_explained_to_its_tenant_alone() -> None:
    tenant = make_tenant()
    line = rate_contact(tenant_id=tenant.id, contact_id=make_contact(tenant, metered_ms=0).id)
    address = f"/admin/billing/usageline/{line.id}/change/"

    assert "the call was never answered" in signed_in(tenant).get(address).content.decode()
    assert "never answered" not in signed_in(make_tenant()).get(address, follow=True).content.decode()
    with tenant_scope(tenant.id, read_only=True):
        assert UsageLine.objects.count() == 1
