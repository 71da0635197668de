"""The Celery application: ``celery -A config``. Tasks are found in each app's ``tasks`` module."""

import os

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("hotseat")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect(dispatch_uid="hotseat-logging")
def keep_django_logging(**_: object) -> None:
    """Celery leaves logging alone when this signal has a receiver; Django's settings have set it up already."""
    settings.LOGGING  # noqa: B018 - reading it makes Django configure logging before the worker's first line
