from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.celery import app as celery_app

__all__ = ["ConfigConfig", "celery_app"]  # the Celery application must exist wherever a task is sent from


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = _("Platform")

    def ready(self) -> None:
        from config.wiring import wire  # noqa: PLC0415 - models can be imported only now

        wire()
