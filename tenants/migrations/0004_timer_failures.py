"""How often a timer has failed. The default is the database's: running code that does not know the column sets timers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_library_tables")]

    operations = [
        migrations.AddField("timer", "failures", models.PositiveSmallIntegerField(default=0, db_default=0)),
    ]
