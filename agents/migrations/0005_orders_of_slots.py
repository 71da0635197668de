"""An index for each order in which free slots are read, while slots go on being freed."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("agents", "0004_choice_of_agent")]

    operations = [
        AddIndexConcurrently(
            "slot",
            models.Index(
                fields=["tenant", "channel", "profile", by, "idle_since", "id"],
                condition=Q(open=True, held=False),
                name=f"free_slots_by_{by}",
            ),
        )
        for by in ("occupancy", "contacts", "offered_at")
    ]
