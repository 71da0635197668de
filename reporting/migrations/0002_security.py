"""Rights on the records. The engine writes them, and may read them since they hold ids and figures only; people read."""

from django.db import migrations

from tenants.migration_support import ALL, READ, SecureTable, TenantKeys

RECORDS = ("CallRecord", "Stretch", "OfferRecord", "LegRecord", "SessionRecord")


class Migration(migrations.Migration):
    dependencies = [("reporting", "0001_records")]

    operations = [
        TenantKeys(*RECORDS),
        *(SecureTable(model, app=READ, engine=ALL) for model in (*RECORDS, "Projection")),
    ]
