"""Addresses of the agent's desk."""

from django.urls import path

from routing.web import views

urlpatterns = [path("desk/", views.desk, name="desk")]
