-- Write commands as begun by the node's own worker; as pending, all of them, when an older one of the same interactions or
-- sessions is still to be claimed, or was claimed and is not known to the worker yet, so that they come behind it.
-- Walks open_commands: what is open is little.
INSERT INTO routing_switchcommand
    (id, node, interaction_id, session_id, contact_id, kind, arguments, created_at, failure, state, begun_at, fence)
SELECT c.id, %(node)s, c.interaction, c.session, c.contact, c.kind, c.arguments, c.at, '',
       CASE WHEN older.waits THEN 'pending' ELSE 'begun' END,
       CASE WHEN older.waits THEN NULL ELSE clock_timestamp() END,
       CASE WHEN older.waits THEN NULL ELSE %(fence)s::bigint END
FROM jsonb_to_recordset(%(commands)s::jsonb)
     AS c (id uuid, interaction uuid, session uuid, contact uuid, kind text, arguments jsonb, at timestamptz)
CROSS JOIN (
    SELECT EXISTS (
        SELECT 1 FROM routing_switchcommand p
        WHERE p.node = %(node)s
          AND (p.state = 'pending' OR (p.state = 'begun' AND p.id <> ALL(%(known)s::uuid[])))
          AND (p.interaction_id = ANY(%(interactions)s) OR p.session_id = ANY(%(sessions)s))
    ) AS waits
) older
RETURNING state
