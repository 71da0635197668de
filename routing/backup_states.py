"""The states of backup routes: of a plan's activation, with its steps, and of a contact that goes by them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.public import Transitions


class ActivationState(models.TextChoices):
    ACTIVATING = "activating", _("activating")
    ACTIVE = "active", _("active")
    FAILING_BACK = "failing_back", _("failing back")
    INACTIVE = "inactive", _("inactive")
    FAILED = "failed", _("failed")


ACTIVATION = Transitions(
    gettext_noop("activation"),
    {
        ActivationState.ACTIVATING: {
            ActivationState.ACTIVE,
            ActivationState.FAILING_BACK,
            ActivationState.FAILED,
        },
        ActivationState.ACTIVE: {ActivationState.FAILING_BACK},
        ActivationState.FAILING_BACK: {ActivationState.INACTIVE},
        ActivationState.INACTIVE: set(),
        ActivationState.FAILED: set(),
    },
)
LIVE_ACTIVATION = (ActivationState.ACTIVATING, ActivationState.ACTIVE, ActivationState.FAILING_BACK)


class BackupStep(models.TextChoices):
    """What is done next, one transaction each; a step that was interrupted is done again and changes nothing twice."""

    CHECK = "check", _("check the routes")
    DIVERT = "divert", _("send new calls there")
    MOVE = "move", _("move those who wait")
    CONFIRM = "confirm", _("confirm")
    RESTORE = "restore", _("send new calls the usual way")
    CLOSE = "close", _("close")


NEXT_STEP = {
    BackupStep.CHECK: BackupStep.DIVERT,
    BackupStep.DIVERT: BackupStep.MOVE,
    BackupStep.MOVE: BackupStep.CONFIRM,
    BackupStep.RESTORE: BackupStep.CLOSE,
}


class DiversionState(models.TextChoices):
    CHOOSING = "choosing", _("choosing a route")
    DIALLING = "dialling", _("dialling")
    TALKING = "talking", _("talking")
    ANNOUNCING = "announcing", _("announcing")
    OVER = "over", _("over")


DIVERSION = Transitions(
    gettext_noop("diversion"),
    {
        DiversionState.CHOOSING: {DiversionState.DIALLING, DiversionState.ANNOUNCING, DiversionState.OVER},
        DiversionState.DIALLING: {DiversionState.TALKING, DiversionState.CHOOSING, DiversionState.OVER},
        DiversionState.TALKING: {DiversionState.CHOOSING, DiversionState.OVER},
        DiversionState.ANNOUNCING: {DiversionState.OVER},
        DiversionState.OVER: set(),
    },
)
