"""What a tenant holds that others build on: numbers, customers, entitlements, keys."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tenants.models.base import PlatformModel, TenantModel
from tenants.phones import validate_e164


class Number(TenantModel):
    """A telephone number, leased to one tenant. The provider's own are the public ones."""

    class Kind(models.TextChoices):
        PUBLIC = "public", _("public")
        PRIVATE = "private", _("private")

    e164 = models.CharField(_("number"), max_length=16, unique=True, validators=[validate_e164])
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.PRIVATE)
    label = models.CharField(_("label"), max_length=80, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("number")
        verbose_name_plural = _("numbers")
        ordering = ("e164",)

    def __str__(self) -> str:
        return self.e164


class Customer(TenantModel):
    """A person or company that calls one tenant. Personal data: only the tenant's own scope sees it."""

    name = models.CharField(pgettext_lazy("person", "name"), max_length=120)
    phone = models.CharField(_("telephone"), max_length=16, blank=True, validators=[validate_e164])
    email = models.EmailField(_("e-mail address"), blank=True)
    segment = models.CharField(pgettext_lazy("customer", "segment"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ("name", "id")
        indexes = [models.Index(fields=["tenant", "phone"], name="customer_by_phone")]

    def __str__(self) -> str:
        return self.name


class Entitlement(TenantModel):
    """How much of a thing a tenant may use at once. Billing writes it; lower apps only read it."""

    class Kind(models.TextChoices):
        SEATS = "seats", _("seats")
        NUMBERS = "numbers", _("numbers")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    limit = models.PositiveIntegerField(_("limit"))

    class Meta(TenantModel.Meta):
        verbose_name = _("entitlement")
        verbose_name_plural = _("entitlements")
        constraints = [models.UniqueConstraint(fields=["tenant", "kind"], name="entitlement_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.limit}"


class ApiKey(TenantModel):
    """A key for programs: `prefix.secret`, of which only the prefix and a hash of the secret are kept."""

    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    role = models.CharField(_("role"), max_length=16)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(TenantModel):
    """The answer once given to a POST with an `Idempotency-Key`, kept 24 h to be given again."""

    key = models.CharField(max_length=255)
    owner = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "owner", "key"], name="idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return self.key


class AuditEntry(models.Model):
    """One change of slow data (settings, rights, customers), written by a trigger. Append-only."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField(null=True)
    table_name = models.CharField(_("table"), max_length=63)
    row_id = models.CharField(_("row"), max_length=64)
    action = models.CharField(_("action"), max_length=6)
    actor = models.CharField(_("by"), max_length=64)
    at = models.DateTimeField(_("time"))
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [models.Index(fields=["tenant_id", "id"], name="audit_by_tenant")]

    def __str__(self) -> str:
        return f"{self.action} {self.table_name} {self.row_id}"


class Process(PlatformModel):
    """One running process and when it last got something done. Liveness is progress, not being up."""

    name = models.CharField(max_length=32)
    node = models.CharField(max_length=64)
    pid = models.PositiveIntegerField()
    progress_at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "node"], name="process_once")]

    def __str__(self) -> str:
        return f"{self.name}@{self.node}"


class Lease(models.Model):
    """Who alone may do a named thing for now. `fence` grows with every change of holder and each write carries it."""

    name = models.CharField(primary_key=True, max_length=64)
    holder = models.CharField(max_length=64)
    fence = models.BigIntegerField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder} #{self.fence}"
