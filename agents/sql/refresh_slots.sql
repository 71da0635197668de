-- The slots of a session, open as it takes contacts and as what it holds lets them be. It is locked. Walks the index of
-- the slots' sessions.
UPDATE agents_slot s
SET open = %(takes)s AND NOT s.retired AND NOT EXISTS (
        SELECT FROM agents_slot h WHERE h.session_id = s.session_id AND h.held AND s.channel = ANY(h.blocks)
    ),
    idle_since = coalesce(%(idle_since)s::timestamptz, s.idle_since)
WHERE s.session_id = %(session)s
