"""Rights on the agents' tables. The engine reads what it matches by and never who an agent is."""

from django.db import migrations

from tenants.migration_support import READ, SecureTable, TenantKeys


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_initial"), ("tenants", "0002_security")]

    operations = [
        TenantKeys(
            "Site",
            "Station",
            "Team",
            "Skill",
            "NotReadyReason",
            "Agent",
            "AgentSkill",
            "SkillProfile",
            "AgentSession",
            "Slot",
        ),
        SecureTable("Site", audited=True),
        SecureTable(
            "Station",
            engine=("SELECT", "UPDATE (reachable, reachable_at)"),
            audited=True,
        ),
        SecureTable("Team", audited=True),
        SecureTable("Skill", audited=True),
        SecureTable("NotReadyReason", engine=READ, audited=True),
        SecureTable("Agent", audited=True),
        SecureTable("AgentSkill", audited=True),
        SecureTable("SkillProfile", engine=READ),
        SecureTable("AgentSession", engine=("SELECT", "UPDATE")),
        SecureTable("Slot", engine=("SELECT", "UPDATE")),
    ]
