"""Which site `django.contrib.admin` serves."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AdminConfig):
    """The administration by django-unfold, with this project's rights and sign-in."""

    default_site = "tenants.administration.Site"
