"""Check what 0004 added unchecked, and index it, while lines go on being written."""

from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

VALIDATE = "ALTER TABLE billing_usageline VALIDATE CONSTRAINT billing_usageline_{column}_tenant_fk"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("billing", "0004_corrections")]

    operations = [
        ValidateConstraint("usageline", "usage_correction_says_why_and_who"),
        migrations.RunSQL(VALIDATE.format(column="outbound_call_id"), migrations.RunSQL.noop),
        migrations.RunSQL(VALIDATE.format(column="corrects_id"), migrations.RunSQL.noop),
        AddIndexConcurrently(
            "usageline",
            models.Index(fields=["tenant", "corrects"], condition=Q(corrects__isnull=False), name="usage_corrections"),
        ),
        AddIndexConcurrently(
            "usageline",
            models.Index(
                fields=["tenant", "outbound_call"],
                condition=Q(outbound_call__isnull=False),
                name="usage_of_outbound_calls",
            ),
        ),
    ]
