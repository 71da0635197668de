"""Addresses of the agent's desk, and of backup routes: an enterprise's own, and the operator's way to each."""

from typing import Any

from django.urls import path

from routing.web import backup_views, views

BACKUP: tuple[tuple[str, Any, dict[str, Any], str], ...] = (
    ("backup/", backup_views.backup, {}, "backup"),
    ("backup/numbers/<uuid:number_id>/", backup_views.backup_edit, {}, "backup-edit"),
    ("backup/<uuid:plan_id>/activate/", backup_views.backup_switch, {"activates": True}, "backup-activate"),
    ("backup/<uuid:plan_id>/fail-back/", backup_views.backup_switch, {"activates": False}, "backup-fail-back"),
)

urlpatterns = [
    path("desk/", views.desk, name="desk"),
    *(path(address, view, fixed, name=name) for address, view, fixed, name in BACKUP),
    *(
        path(f"enterprises/<uuid:tenant_id>/{address}", view, fixed, name=f"tenant-{name}")
        for address, view, fixed, name in BACKUP
    ),
]
