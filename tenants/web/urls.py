"""Addresses of signing in."""

from django.urls import path

from tenants.web import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/tenant/", views.choose_tenant, name="choose-tenant"),
    path("sign-out/", views.leave, name="sign-out"),
]
