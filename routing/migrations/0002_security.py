"""Rights on the routing tables. Interactions, legs and commands are the engine's; what is personal is the tenant's."""

from django.db import migrations

from tenants.migration_support import ADD, ALL, ANY, NONE, READ, TAKE, WRITE, SecureTable, TenantKeys

OF_OWN_INTERACTION = (
    "EXISTS (SELECT 1 FROM routing_contact c WHERE c.interaction_id = routing_switchcommand.interaction_id)"
)
"""The sub-select runs under the role's own policy on contacts: a tenant commands only calls that it handles."""


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_initial"), ("agents", "0003_security")]

    operations = [
        TenantKeys(
            "Queue",
            "Flow",
            "FlowVersion",
            "EntryPoint",
            "Disposition",
            "Demand",
            "Eligibility",
            "Contact",
            "ContactParty",
            "FlowRun",
            "Segment",
            "Participation",
            "Offer",
            "Exclusion",
        ),
        SecureTable("Queue", engine=READ, audited=True),
        SecureTable("FlowVersion", engine=READ, audited=True),
        SecureTable("Flow", engine=READ, audited=True),
        SecureTable("EntryPoint", engine=READ, audited=True),
        SecureTable("Disposition", audited=True),
        SecureTable("Demand", engine=WRITE),
        SecureTable("Eligibility", engine=WRITE),
        SecureTable("Interaction", app=NONE, engine=WRITE, app_policy=ANY),
        SecureTable("Leg", app=NONE, engine=WRITE, app_policy=ANY),
        SecureTable("SwitchNode", app=NONE, engine=WRITE, app_policy=ANY),
        SecureTable("Contact", app=("SELECT", "UPDATE"), engine=WRITE),
        SecureTable("SwitchCommand", app=ADD, engine=ALL, app_policy=OF_OWN_INTERACTION),
        SecureTable("ContactParty", engine=ADD),
        SecureTable("FlowRun", engine=ADD),
        SecureTable("Segment", app=WRITE, engine=WRITE),
        SecureTable("Participation", app=("SELECT", "UPDATE"), engine=WRITE),
        SecureTable("Offer", app=("SELECT", "UPDATE"), engine=WRITE),
        SecureTable("SlotHold", app=TAKE, engine=ALL),
        SecureTable("Exclusion", engine=ALL),
    ]
