"""A tenant commands the switch only while it handles the call: after a hand-over the call is another's."""

from django.db import migrations

from tenants.migration_support import AppPolicy

OF_OWN_INTERACTION = (
    "EXISTS (SELECT 1 FROM routing_contact c WHERE c.interaction_id = routing_switchcommand.interaction_id)"
)
FOR_OWN_CONTACT = (
    "EXISTS (SELECT 1 FROM routing_contact c WHERE c.id = routing_switchcommand.contact_id"
    " AND c.interaction_id = routing_switchcommand.interaction_id AND c.state <> 'ended')"
)


class Migration(migrations.Migration):
    dependencies = [("routing", "0004_switch_clock")]

    operations = [AppPolicy("SwitchCommand", FOR_OWN_CONTACT, before=OF_OWN_INTERACTION)]
