"""What a matching pass chose is locked and looked at again by a function, so that what follows travels with it."""

from django.db import migrations

# Locks in the one order: contacts, then sessions, each by id. Every service that changes a slot holds its session's
# lock. Rights and row-level security are those of whoever calls.
CLAIM = """
CREATE FUNCTION routing_claim_pairs(
    contacts uuid[], contact_versions int[], sessions uuid[], session_versions int[], slots uuid[]
) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM routing_contact WHERE id = ANY(contacts) ORDER BY id FOR UPDATE;
    PERFORM FROM agents_agentsession WHERE id = ANY(sessions) ORDER BY id FOR UPDATE;
    IF EXISTS (
        SELECT FROM unnest(contacts, contact_versions) AS chosen (id, version)
        LEFT JOIN routing_contact c ON c.id = chosen.id AND c.state = 'queued' AND c.version = chosen.version
        WHERE c.id IS NULL
    ) OR EXISTS (
        SELECT FROM unnest(sessions, session_versions) AS chosen (id, version)
        LEFT JOIN agents_agentsession s ON s.id = chosen.id AND s.version = chosen.version
        WHERE s.id IS NULL
    ) OR EXISTS (
        SELECT FROM unnest(slots) AS chosen (id)
        LEFT JOIN agents_slot f ON f.id = chosen.id AND f.open AND NOT f.held
        WHERE f.id IS NULL
    ) THEN
        RAISE serialization_failure USING MESSAGE = 'what a pass chose has changed meanwhile';
    END IF;
END
$$
"""
DROP = "DROP FUNCTION routing_claim_pairs(uuid[], int[], uuid[], int[], uuid[])"


class Migration(migrations.Migration):
    dependencies = [("routing", "0006_backup_routes")]

    operations = [migrations.RunSQL(CLAIM, DROP)]
