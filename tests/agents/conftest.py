from __future__ import annotations

from uuid import UUID

import pytest

from tenants import matching
from tenants.public import Tenant
from tests.factories import make_tenant


@pytest.fixture
def acme() -> Tenant:
    """The enterprise whose agents these tests are about."""
    return make_tenant(name="Acme")


@pytest.fixture
def globex() -> Tenant:
    """Another enterprise, which must notice nothing and be seen by nobody."""
    return make_tenant(name="Globex")


@pytest.fixture
def matched(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The pools that were asked to match, after each commit."""
    pools: list[UUID] = []
    monkeypatch.setattr(matching, "_runner", pools.extend)
    return pools
