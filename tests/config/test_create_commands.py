"""Tenants and their administrators, made from the command line."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from tenants.public import CSP_TENANT_ID, Entitlement, Membership, Role, find_tenant, tenant_scope

TENANT = ("create_tenant", "acme", "Acme Bank", "--admin-email", "Ann@acme.example", "--admin-name", "Ann", "--seats=7")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("tawny-owl-4711\n"))


def test_a_tenant_has_its_administrator_and_its_seats(typed: None) -> None:
    call_command(*TENANT, "--time-zone", "Asia/Shanghai", "--currency", "cny")
    tenant = find_tenant("acme")
    assert tenant is not None
    assert (tenant.time_zone, tenant.currency) == ("Asia/Shanghai", "CNY")
    with tenant_scope(tenant.id, read_only=True):
        membership = Membership.objects.select_related("user").get()
        assert Entitlement.objects.get().limit == 7
    assert (membership.role, membership.user.email) == (Role.ADMINISTRATOR, "ann@acme.example")
    assert membership.user.check_password("tawny-owl-4711")


def test_what_is_wrong_is_said_and_nothing_is_made(typed: None) -> None:
    with pytest.raises(CommandError, match="time_zone"):
        call_command(*TENANT, "--time-zone", "Mars/Base")
    assert find_tenant("acme") is None


def test_without_a_password_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CommandError, match=r"No password for Ann@acme\.example"):
        call_command(*TENANT)
    assert find_tenant("acme") is None


def test_an_operator_belongs_to_the_provider(typed: None) -> None:
    call_command("create_admin", "olga@hotseat.example", "Olga")
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        assert Membership.objects.get(user__email="olga@hotseat.example").role == Role.OPERATOR


def test_an_administrator_needs_a_tenant_that_is_there(typed: None) -> None:
    with pytest.raises(CommandError, match="There is no tenant nobody"):
        call_command("create_admin", "olga@hotseat.example", "Olga", "--tenant", "nobody")
