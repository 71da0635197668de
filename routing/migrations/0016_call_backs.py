"""Call-backs: who is to be called, when, what came of each attempt, and how a service calls back."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.models.base
from tenants.migration_support import NONE, READ, WRITE, SecureTable, TenantKeys

ADD_KEY = (
    "ALTER TABLE routing_contact ADD CONSTRAINT routing_contact_call_back_id_tenant_fk "
    "FOREIGN KEY (tenant_id, call_back_id) REFERENCES routing_callback (tenant_id, id) DEFERRABLE INITIALLY DEFERRED"
)
DROP_KEY = "ALTER TABLE routing_contact DROP CONSTRAINT routing_contact_call_back_id_tenant_fk"


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_orders_of_slots"),
        ("routing", "0015_transfers"),
        ("tenants", "0005_status_by_platform"),
    ]

    operations = [
        migrations.AlterField(
            model_name="contact",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("handled", "handled"),
                    ("abandoned", "abandoned in the queue"),
                    ("short_abandoned", "abandoned at once"),
                    ("left_flow", "hung up before the queue"),
                    ("self_served", "served by the flow"),
                    ("callback_taken", "call-back taken"),
                    ("voicemail", "voicemail left"),
                    ("overflowed", "overflowed"),
                    ("handed_over", "handed over"),
                    ("rejected", "rejected"),
                    ("not_reached", "customer not reached"),
                    ("called_off", "call-back called off"),
                    ("switch_lost", "lost with the switch"),
                    ("failed", "failed"),
                ],
                max_length=16,
                verbose_name="end",
            ),
        ),
        migrations.AlterField(
            model_name="contact",
            name="ending",
            field=models.CharField(
                blank=True,
                choices=[
                    ("handled", "handled"),
                    ("abandoned", "abandoned in the queue"),
                    ("short_abandoned", "abandoned at once"),
                    ("left_flow", "hung up before the queue"),
                    ("self_served", "served by the flow"),
                    ("callback_taken", "call-back taken"),
                    ("voicemail", "voicemail left"),
                    ("overflowed", "overflowed"),
                    ("handed_over", "handed over"),
                    ("rejected", "rejected"),
                    ("not_reached", "customer not reached"),
                    ("called_off", "call-back called off"),
                    ("switch_lost", "lost with the switch"),
                    ("failed", "failed"),
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="CallBack",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("calling_hash", models.CharField(max_length=64)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("queue", "asked while calling"),
                            ("web", "asked on the web"),
                            ("agent", "made by an agent"),
                            ("api", "made by a program"),
                        ],
                        max_length=8,
                        verbose_name="asked",
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("agent_first", "the agent first"), ("customer_first", "the customer first")],
                        default="agent_first",
                        max_length=16,
                        verbose_name="calls",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("scheduled", "scheduled"),
                            ("waiting", "waiting for an agent"),
                            ("dialling", "calling the customer"),
                            ("reached", "customer on the line"),
                            ("done", "done"),
                            ("unreachable", "not reached"),
                            ("expired", "expired"),
                            ("cancelled", "cancelled"),
                        ],
                        default="scheduled",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("reached", "reached"),
                            ("busy", "busy"),
                            ("no_answer", "no answer"),
                            ("refused", "refused"),
                            ("machine", "answering machine"),
                            ("wrong_number", "wrong number"),
                            ("abandoned", "hung up before an agent was there"),
                            ("agent_left", "the agent hung up before"),
                            ("invalid", "must not be dialled"),
                            ("failed", "failed"),
                            ("lost", "lost with the exchange"),
                            ("cancelled", "cancelled"),
                            ("expired", "expired"),
                        ],
                        max_length=16,
                        verbose_name="outcome",
                    ),
                ),
                ("language", models.CharField(max_length=10, verbose_name="language")),
                ("is_test", models.BooleanField(default=False)),
                ("since", models.DateTimeField()),
                ("priority", models.SmallIntegerField(null=True)),
                ("step", models.PositiveSmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("opens_at", models.DateTimeField(null=True, verbose_name="not before")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
                ("zone", models.CharField(blank=True, max_length=64, verbose_name="time zone")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("secret_hash", models.CharField(blank=True, max_length=64)),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                ("version", models.PositiveIntegerField(default=0)),
                (
                    "agent",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agent",
                        verbose_name="agent",
                    ),
                ),
                (
                    "contact",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="routing.contact",
                    ),
                ),
                (
                    "entry_point",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="routing.entrypoint",
                        verbose_name="entry point",
                    ),
                ),
                (
                    "origin",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="routing.contact",
                    ),
                ),
                (
                    "queue",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="routing.queue",
                        verbose_name="queue",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "call-back",
                "verbose_name_plural": "call-backs",
                "ordering": ("-asked_at", "-id"),
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="contact",
            name="call_back",
            field=tenants.models.base.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="routing.callback",
            ),
        ),
        migrations.CreateModel(
            name="CallBackAttempt",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("trunk", models.CharField(max_length=64)),
                ("ring_seconds", models.PositiveSmallIntegerField()),
                ("began_at", models.DateTimeField(verbose_name="from")),
                ("dialled_at", models.DateTimeField(null=True, verbose_name="dialled")),
                ("answered_at", models.DateTimeField(null=True, verbose_name="answered")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="to")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("reached", "reached"),
                            ("busy", "busy"),
                            ("no_answer", "no answer"),
                            ("refused", "refused"),
                            ("machine", "answering machine"),
                            ("wrong_number", "wrong number"),
                            ("abandoned", "hung up before an agent was there"),
                            ("agent_left", "the agent hung up before"),
                            ("invalid", "must not be dialled"),
                            ("failed", "failed"),
                            ("lost", "lost with the exchange"),
                            ("cancelled", "cancelled"),
                            ("expired", "expired"),
                        ],
                        max_length=16,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "call_back",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tries",
                        to="routing.callback",
                    ),
                ),
                (
                    "contact",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="routing.contact",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt",
                "verbose_name_plural": "attempts",
                "ordering": ("began_at", "id"),
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="CallBackParty",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=16, verbose_name="number")),
                ("name", models.CharField(blank=True, max_length=120, verbose_name="name")),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="about")),
                (
                    "call_back",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="routing.callback",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "call-back's party",
                "verbose_name_plural": "call-backs' parties",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="CallBackRule",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "mode",
                    models.CharField(
                        choices=[("agent_first", "the agent first"), ("customer_first", "the customer first")],
                        default="agent_first",
                        max_length=16,
                        verbose_name="calls",
                    ),
                ),
                (
                    "most_attempts",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                        verbose_name="attempts",
                    ),
                ),
                (
                    "spacing_seconds",
                    models.PositiveIntegerField(
                        default=900,
                        validators=[
                            django.core.validators.MinValueValidator(10),
                            django.core.validators.MaxValueValidator(86400),
                        ],
                        verbose_name="between attempts (s)",
                    ),
                ),
                (
                    "ring_seconds",
                    models.PositiveSmallIntegerField(
                        default=30,
                        validators=[
                            django.core.validators.MinValueValidator(5),
                            django.core.validators.MaxValueValidator(120),
                        ],
                        verbose_name="ring time (s)",
                    ),
                ),
                (
                    "keep_seconds",
                    models.PositiveIntegerField(
                        default=86400,
                        validators=[
                            django.core.validators.MinValueValidator(60),
                            django.core.validators.MaxValueValidator(2592000),
                        ],
                        verbose_name="expires after (s)",
                    ),
                ),
                ("hours", models.JSONField(blank=True, default=dict, verbose_name="opening hours")),
                ("on_web", models.BooleanField(default=False, verbose_name="asked on the web")),
                ("key", models.CharField(blank=True, editable=False, max_length=43, verbose_name="key")),
                ("origins", models.JSONField(blank=True, default=list, verbose_name="embedded by")),
                (
                    "entry_point",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="routing.entrypoint",
                        verbose_name="entry point",
                    ),
                ),
                (
                    "queue",
                    tenants.models.base.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Where call-backs wait that were not asked for in a queue.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="routing.queue",
                        verbose_name="queue",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "call-back rule",
                "verbose_name_plural": "call-back rules",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddIndex(
            model_name="callback",
            index=models.Index(
                condition=models.Q(("state__in", ("scheduled", "waiting", "dialling", "reached"))),
                fields=["tenant", "due_at"],
                name="open_call_backs",
            ),
        ),
        migrations.AddIndex(
            model_name="callback",
            index=models.Index(fields=["tenant", "asked_at"], name="call_backs_by_asking"),
        ),
        migrations.AddConstraint(
            model_name="callback",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("scheduled", "waiting", "dialling", "reached"))),
                fields=("tenant", "entry_point", "calling_hash"),
                name="one_open_call_back_per_customer",
            ),
        ),
        migrations.AddConstraint(
            model_name="callback",
            constraint=models.UniqueConstraint(
                condition=models.Q(("secret_hash", ""), _negated=True),
                fields=("secret_hash",),
                name="call_back_secret_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="callback",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", True), ("state__in", ("scheduled", "waiting", "dialling", "reached"))
                    ),
                    models.Q(
                        models.Q(("state__in", ("scheduled", "waiting", "dialling", "reached")), _negated=True),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="call_back_ends_with_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="callbackattempt",
            constraint=models.UniqueConstraint(fields=("contact",), name="one_attempt_per_contact"),
        ),
        migrations.AddConstraint(
            model_name="callbackattempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)), fields=("call_back",), name="one_attempt_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="callbackparty",
            constraint=models.UniqueConstraint(fields=("call_back",), name="one_party_per_call_back"),
        ),
        migrations.AddConstraint(
            model_name="callbackrule",
            constraint=models.UniqueConstraint(fields=("tenant", "entry_point"), name="one_call_back_rule_per_service"),
        ),
        migrations.AddConstraint(
            model_name="callbackrule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True), fields=("key",), name="call_back_key_once"
            ),
        ),
        TenantKeys("CallBack", "CallBackAttempt", "CallBackParty", "CallBackRule"),
        SecureTable("CallBack", app=WRITE, engine=WRITE),
        SecureTable("CallBackAttempt", app=WRITE, engine=WRITE),
        SecureTable("CallBackParty", app=WRITE, engine=NONE),
        SecureTable("CallBackRule", engine=READ, audited=True),
        migrations.RunSQL(ADD_KEY, DROP_KEY),
    ]
