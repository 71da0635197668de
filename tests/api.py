"""Clients for tests of the API: as somebody signed in, as a program with a key, and as nobody."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.test import Client
from rest_framework.response import Response

from tenants.public import ApiKey, Membership, Role, Tenant, tenant_scope
from tenants.services.secrets import hash_secret
from tests.factories import make_person


def make_key(tenant: Tenant, *, role: str = Role.ADMINISTRATOR, **fields: Any) -> str:
    """Store an API key and return it as a program would send it."""
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    with tenant_scope(tenant.id):
        ApiKey.objects.create(name="test", role=role, prefix=prefix, secret_hash=hash_secret(secret), **fields)
    return f"{prefix}.{secret}"


class Api(Client):
    """A client that speaks JSON below /api/v1/ and decodes what comes back."""

    def __init__(self, key: str | None = None, **options: Any) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        super().__init__(headers=headers, raise_request_exception=False, **options)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send `body` as JSON (or as it is, when bytes) and return the answer."""
        data = body if isinstance(body, (bytes, str)) else b"" if body is None else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = names.pop("content-type", "application/json")
        return self.generic(method, f"/api/v1/{path}", data, content_type=content_type, headers=names)

    def read(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def send(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, {} if body is None else body, **headers)

    def change(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body)

    def remove(self, path: str) -> Any:
        return self.call("DELETE", path)


def program(tenant: Tenant, *, role: str = Role.ADMINISTRATOR) -> Api:
    """A program with a key of the tenant."""
    return Api(make_key(tenant, role=role))


def signed_in(tenant: Tenant, *, role: str = Role.ADMINISTRATOR, client: Api | None = None) -> Api:
    """A browser in which somebody with that role is signed in. CSRF is not checked unless the client asks for it."""
    client = client or Api()
    user = make_person(tenant, role=role)
    with tenant_scope(tenant.id):
        membership = Membership.objects.get(user=user)
    client.force_login(user)
    session = client.session
    session["tenant_id"], session["membership_id"] = str(tenant.id), str(membership.id)
    session.save()
    return client


def assert_problem(response: Response | Any, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is a complete problem document and return it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.content)
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"]
    assert isinstance(problem["errors"], list)
    return problem
