"""Addresses of the agents' log-in, and of the reserve's page."""

from django.urls import path

from agents.web import views

urlpatterns = [
    path("desk/login/", views.log_in, name="desk-login"),
    path("reserve/", views.reserve, name="reserve"),
]
