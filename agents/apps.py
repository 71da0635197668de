from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgentsConfig(AppConfig):
    name = "agents"
    verbose_name = _("Agents")

    def ready(self) -> None:
        # Registers how a signed-in agent is recognised; models are not to be had earlier.
        import agents.callers  # noqa: F401, PLC0415 - registers itself, once models can be imported
