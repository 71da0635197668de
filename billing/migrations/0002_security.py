"""Rights on the billing tables. Usage lines are only ever added; leases are ended, never deleted."""

from django.db import migrations

from tenants.migration_support import WRITE, SecureTable, TenantKeys


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial"), ("routing", "0002_security")]

    operations = [
        TenantKeys("RateTable", "Rate", "SeatLease", "NumberLease", "UsageLine"),
        SecureTable("RateTable", audited=True),
        SecureTable("Rate", audited=True),
        SecureTable("SeatLease", app=WRITE, audited=True),
        SecureTable("NumberLease", app=WRITE, audited=True),
        SecureTable("UsageLine", app=("SELECT", "INSERT")),
    ]
