"""Addresses of the agents' log-in."""

from django.urls import path

from agents.web import views

urlpatterns = [path("desk/login/", views.log_in, name="desk-login")]
