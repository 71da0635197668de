"""Backup routes of numbers; the operator's trunks and the prefixes that nobody may dial, some of them from the start.

Sources of the prefixes: ITU-T E.164.1 and its list of assigned country codes (global services), Ofcom's National
Telephone Numbering Plan (UK), NANPA (North America), MIIT's numbering plan (China).
"""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models
from psycopg import sql

import tenants.ids
import tenants.models.base
from tenants.migration_support import NONE, READ, WRITE, SecureTable, TenantKeys
from tenants.models.base import CSP_TENANT_ID

BARRED = [
    ("+449", "premium", "UK 09"),
    ("+44871", "premium", "UK 0871"),
    ("+44872", "premium", "UK 0872"),
    ("+44873", "premium", "UK 0873"),
    ("+1900", "premium", "North America 900"),
    ("+1976", "premium", "North America 976"),
    ("+86168", "premium", "China 168"),
    ("+979", "premium", "International premium rate service"),
    ("+870", "premium", "Inmarsat"),
    ("+881", "premium", "Satellite"),
    ("+882", "premium", "International networks"),
    ("+883", "premium", "International networks"),
    ("+888", "forbidden", "Not in service"),
    ("+44999", "emergency", "UK 999"),
    ("+44112", "emergency", "UK 112"),
    ("+1911", "emergency", "North America 911"),
    ("+1988", "emergency", "North America 988"),
    ("+86110", "emergency", "China 110"),
    ("+86119", "emergency", "China 119"),
    ("+86120", "emergency", "China 120"),
    ("+86122", "emergency", "China 122"),
]
_ROW = sql.SQL("(gen_random_uuid(), {}, {}, {}, {})")
_ROWS = sql.SQL(", ").join(_ROW.format(str(CSP_TENANT_ID), *row) for row in BARRED)
_ADD = sql.SQL("INSERT INTO routing_barredprefix (id, tenant_id, prefix, why, note) VALUES {}")
ADD_BARRED = _ADD.format(_ROWS).as_string()

ADD_KEY = (
    "ALTER TABLE routing_entrypoint ADD CONSTRAINT routing_entrypoint_backup_id_tenant_fk "
    "FOREIGN KEY (tenant_id, backup_id) REFERENCES routing_backupactivation (tenant_id, id) "
    "DEFERRABLE INITIALLY DEFERRED"
)
DROP_KEY = "ALTER TABLE routing_entrypoint DROP CONSTRAINT routing_entrypoint_backup_id_tenant_fk"


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0005_commands_while_it_lasts"),
        ("tenants", "0005_status_by_platform"),
    ]

    operations = [
        migrations.AlterField(
            model_name="contact",
            name="state",
            field=models.CharField(
                choices=[
                    ("arriving", "arriving"),
                    ("in_flow", "in flow"),
                    ("queued", "queued"),
                    ("offered", "offered"),
                    ("connecting", "connecting"),
                    ("engaged", "talking"),
                    ("diverted", "on a backup route"),
                    ("ended", "ended"),
                ],
                default="arriving",
                max_length=12,
                verbose_name="state",
            ),
        ),
        migrations.CreateModel(
            name="BackupActivation",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("hand", "by hand"),
                            ("node", "the exchange is dead"),
                            ("queue", "nobody is logged in for the queue"),
                        ],
                        max_length=5,
                        verbose_name="cause",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("activating", "activating"),
                            ("active", "active"),
                            ("failing_back", "failing back"),
                            ("inactive", "inactive"),
                            ("failed", "failed"),
                        ],
                        default="activating",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                (
                    "step",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("check", "check the routes"),
                            ("divert", "send new calls there"),
                            ("move", "move those who wait"),
                            ("confirm", "confirm"),
                            ("restore", "send new calls the usual way"),
                            ("close", "close"),
                        ],
                        max_length=8,
                        verbose_name="step",
                    ),
                ),
                ("steps", models.JSONField(default=list)),
                ("refused", models.JSONField(default=dict)),
                ("moved", models.PositiveIntegerField(default=0, verbose_name="moved")),
                ("started_at", models.DateTimeField(verbose_name="from")),
                ("started_by", models.CharField(max_length=64, verbose_name="by")),
                ("active_at", models.DateTimeField(null=True, verbose_name="active")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="to")),
                ("ended_by", models.CharField(blank=True, max_length=64, verbose_name="ended by")),
                ("version", models.PositiveIntegerField(default=0)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "activation",
                "verbose_name_plural": "activations",
                "ordering": ("-started_at", "-id"),
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="entrypoint",
            name="backup",
            field=tenants.models.base.TenantForeignKey(
                db_constraint=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="routing.backupactivation",
            ),
        ),
        migrations.CreateModel(
            name="BackupPlan",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "node",
                    models.CharField(
                        blank=True,
                        help_text="Activated when this exchange has been dead for so long. Empty: not watched.",
                        max_length=64,
                        verbose_name="exchange",
                    ),
                ),
                (
                    "after_seconds",
                    models.PositiveSmallIntegerField(
                        default=30,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3600),
                        ],
                        verbose_name="activate after (s)",
                    ),
                ),
                (
                    "returns",
                    models.BooleanField(
                        default=False,
                        help_text="Ends what a rule began once the trouble has been over for so long.",
                        verbose_name="fails back by itself",
                    ),
                ),
                (
                    "return_seconds",
                    models.PositiveSmallIntegerField(
                        default=120,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3600),
                        ],
                        verbose_name="fail back after (s)",
                    ),
                ),
                (
                    "trouble",
                    models.CharField(
                        blank=True,
                        choices=[("node", "the exchange is dead"), ("queue", "nobody is logged in for the queue")],
                        editable=False,
                        max_length=5,
                    ),
                ),
                ("trouble_since", models.DateTimeField(editable=False, null=True)),
                (
                    "number",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="tenants.number",
                        verbose_name="number",
                    ),
                ),
                (
                    "queue",
                    tenants.models.base.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Activated when nobody who could serve this queue has been logged in for so long.",
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
                "verbose_name": "backup plan",
                "verbose_name_plural": "backup plans",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddField(
            model_name="backupactivation",
            name="plan",
            field=tenants.models.base.TenantForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="activations",
                to="routing.backupplan",
                verbose_name="plan",
            ),
        ),
        migrations.CreateModel(
            name="BackupRoute",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("position", models.PositiveSmallIntegerField(verbose_name="place")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("queue", "another queue"),
                            ("dial", "a telephone number"),
                            ("announce", "an announcement, then the end"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("destination", models.CharField(blank=True, max_length=16, verbose_name="number dialled")),
                (
                    "ring_seconds",
                    models.PositiveSmallIntegerField(
                        default=25,
                        validators=[
                            django.core.validators.MinValueValidator(3),
                            django.core.validators.MaxValueValidator(120),
                        ],
                        verbose_name="ring time (s)",
                    ),
                ),
                ("announcement", models.JSONField(blank=True, default=dict, verbose_name="announcement")),
                ("takes_waiting", models.BooleanField(default=False, verbose_name="takes callers who wait already")),
                (
                    "plan",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="routes",
                        to="routing.backupplan",
                        verbose_name="plan",
                    ),
                ),
                (
                    "queue",
                    tenants.models.base.TenantForeignKey(
                        blank=True,
                        db_constraint=False,
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
                "verbose_name": "backup route",
                "verbose_name_plural": "backup routes",
                "ordering": ("position",),
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="BarredPrefix",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "prefix",
                    models.CharField(
                        max_length=16,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^\\+[1-9][0-9]{0,14}\\Z",
                                "The beginning of a number in international form, such as +4490.",
                            )
                        ],
                        verbose_name="prefix",
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("premium", "premium rate"),
                            ("emergency", "emergency number"),
                            ("forbidden", "forbidden"),
                        ],
                        default="forbidden",
                        max_length=9,
                        verbose_name="why",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=120, verbose_name="note")),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "barred prefix",
                "verbose_name_plural": "barred prefixes",
                "ordering": ("prefix",),
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Diversion",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("choosing", "choosing a route"),
                            ("dialling", "dialling"),
                            ("talking", "talking"),
                            ("announcing", "announcing"),
                            ("over", "over"),
                        ],
                        default="choosing",
                        max_length=10,
                    ),
                ),
                ("tried", models.JSONField(default=list)),
                ("waited", models.BooleanField(default=False)),
                ("answered", models.BooleanField(default=False)),
                ("outcome", models.CharField(blank=True, max_length=16)),
                ("began_at", models.DateTimeField()),
                ("version", models.PositiveIntegerField(default=0)),
                (
                    "activation",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="diversions",
                        to="routing.backupactivation",
                    ),
                ),
                (
                    "contact",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="diversions",
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
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="OutboundCall",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("route_id", models.UUIDField()),
                ("trunk", models.CharField(max_length=64)),
                ("is_test", models.BooleanField(default=False)),
                ("began_at", models.DateTimeField()),
                ("ringing_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("bridged_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("cause", models.PositiveSmallIntegerField(null=True)),
                ("metered_ms", models.PositiveBigIntegerField(null=True)),
                (
                    "contact",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outbound_calls",
                        to="routing.contact",
                    ),
                ),
                (
                    "diversion",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calls",
                        to="routing.diversion",
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
                "verbose_name": "outbound call",
                "verbose_name_plural": "outbound calls",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="OutboundParty",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=16, verbose_name="number dialled")),
                (
                    "call",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="routing.outboundcall",
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
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="Trunk",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(
                        help_text="As it is called in the exchange.",
                        max_length=64,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\\Z",
                                "Letters, digits, and . _ - inside, such as “trunk” or “carrier-2”.",
                            )
                        ],
                        verbose_name="endpoint",
                    ),
                ),
                ("node", models.CharField(default="node1", max_length=64, verbose_name="exchange")),
                ("label", models.CharField(blank=True, max_length=80, verbose_name="label")),
                ("position", models.PositiveSmallIntegerField(default=1, verbose_name="place")),
                (
                    "shows",
                    models.CharField(
                        choices=[
                            ("number", "the number that was called"),
                            ("caller", "the caller's number, unless hidden"),
                        ],
                        default="number",
                        max_length=6,
                        verbose_name="shows",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "trunk",
                "verbose_name_plural": "trunks",
                "ordering": ("node", "position", "name"),
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddConstraint(
            model_name="backupplan",
            constraint=models.UniqueConstraint(fields=("tenant", "number"), name="one_backup_plan_per_number"),
        ),
        migrations.AddConstraint(
            model_name="backupactivation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("activating", "active", "failing_back"))),
                fields=("plan",),
                name="one_live_activation_per_plan",
            ),
        ),
        migrations.AddConstraint(
            model_name="backupactivation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("state__in", ("activating", "active", "failing_back"))),
                    models.Q(
                        models.Q(("state__in", ("activating", "active", "failing_back")), _negated=True),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="activation_ends_with_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="backuproute",
            constraint=models.UniqueConstraint(fields=("tenant", "plan", "position"), name="backup_route_place_once"),
        ),
        migrations.AddConstraint(
            model_name="backuproute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("destination", ""), ("kind", "queue"), ("queue__isnull", False)),
                    models.Q(("kind", "dial"), ("queue__isnull", True), models.Q(("destination", ""), _negated=True)),
                    models.Q(("destination", ""), ("kind", "announce"), ("queue__isnull", True)),
                    _connector="OR",
                ),
                name="backup_route_of_one_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="barredprefix",
            constraint=models.UniqueConstraint(fields=("tenant", "prefix"), name="barred_prefix_once"),
        ),
        migrations.AddConstraint(
            model_name="diversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "over"), _negated=True),
                fields=("contact",),
                name="one_live_diversion_per_contact",
            ),
        ),
        migrations.AddIndex(
            model_name="outboundcall",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["trunk"], name="open_outbound_calls"
            ),
        ),
        migrations.AddConstraint(
            model_name="outboundcall",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("diversion",),
                name="one_open_call_per_diversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboundcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("metered_ms__isnull", True)),
                    models.Q(("ended_at__isnull", False), ("metered_ms__isnull", False)),
                    _connector="OR",
                ),
                name="outbound_call_ends_metered",
            ),
        ),
        migrations.AddConstraint(
            model_name="outboundparty",
            constraint=models.UniqueConstraint(fields=("call",), name="one_party_per_outbound_call"),
        ),
        migrations.AddConstraint(
            model_name="trunk",
            constraint=models.UniqueConstraint(fields=("tenant", "node", "name"), name="trunk_once"),
        ),
        TenantKeys(
            "BackupPlan",
            "BackupRoute",
            "BackupActivation",
            "Diversion",
            "OutboundCall",
            "OutboundParty",
            "Trunk",
            "BarredPrefix",
        ),
        SecureTable("BackupPlan", engine=READ, audited=True),
        SecureTable("BackupRoute", audited=True),
        SecureTable("BackupActivation", app=WRITE, engine=READ),
        SecureTable("Diversion", app=WRITE, engine=WRITE),
        SecureTable("OutboundCall", app=WRITE, engine=WRITE),
        SecureTable("OutboundParty", app=("SELECT", "INSERT"), engine=NONE),
        SecureTable("Trunk", audited=True),
        SecureTable("BarredPrefix", audited=True),
        migrations.RunSQL(ADD_KEY, DROP_KEY),
        migrations.RunSQL(ADD_BARRED, migrations.RunSQL.noop),
    ]
