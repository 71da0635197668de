"""Contacts passed on from one agent to the next: who, when, how, why."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.public import AgentSession
from routing.models.contacts import Contact
from routing.models.ways import Queue
from routing.states import TransferKind, TransferReason
from tenants.public import TenantForeignKey, TenantModel


class Transfer(TenantModel):
    """One time that a contact was passed on; never changed. Its note may be personal: the engine adds and never reads.

    `session` is whose contact it was, `queue` where it stood. `to_queue` and `to_session` are where it went within the
    tenant; neither for another tenant's service.
    """

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(_("how"), max_length=10, choices=TransferKind)
    reason = models.CharField(_("why"), max_length=12, choices=TransferReason)
    note = models.CharField(_("note"), max_length=500, blank=True)
    session = TenantForeignKey(AgentSession, related_name="+")
    queue = TenantForeignKey(Queue, null=True, related_name="+")
    to_queue = TenantForeignKey(Queue, null=True, related_name="+")
    to_session = TenantForeignKey(AgentSession, null=True, related_name="+")
    at = models.DateTimeField(_("at"))

    class Meta(TenantModel.Meta):
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        ordering = ("at", "id")
        indexes = [models.Index(fields=["contact", "at"], name="transfers_of_contact")]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.kind}"
