-- The first free slots of each profile of a pool, by {order}: by the longest idle, or by what another rule prefers.
-- Walks free_slots once per channel, for those of which any is free; profile_once (the pool's profiles), then that
-- order's index (free_slots, free_slots_by_…) once per profile and channel: the cost does not grow with the number of
-- agents. With the session's version and where it is to ring, looked up by their keys: LIMIT 1 keeps the planner, which
-- thinks a tenth of all slots may come, from hashing everybody.
WITH used AS MATERIALIZED (
    SELECT c.channel
    FROM unnest(%(channels)s::text[]) AS c (channel)
    CROSS JOIN LATERAL (
        SELECT 1
        FROM agents_slot f
        WHERE f.tenant_id = %(pool)s AND f.channel = c.channel AND f.open AND NOT f.held
        LIMIT 1
    ) AS free
)
SELECT s.id, s.session_id, s.profile_id, s.channel, s.idle_since, s.occupancy, s.contacts, s.offered_at,
       s.blocks, n.version, t.answer_mode, t.endpoint
FROM agents_skillprofile p
CROSS JOIN used c
CROSS JOIN LATERAL (
    SELECT f.*
    FROM agents_slot f
    WHERE f.tenant_id = p.tenant_id AND f.channel = c.channel AND f.profile_id = p.id AND f.open AND NOT f.held
    ORDER BY f.{order}, f.idle_since, f.id
    LIMIT %(limit)s
) s
CROSS JOIN LATERAL (SELECT m.version, m.station_id FROM agents_agentsession m WHERE m.id = s.session_id LIMIT 1) n
CROSS JOIN LATERAL (SELECT u.answer_mode, u.endpoint FROM agents_station u WHERE u.id = n.station_id LIMIT 1) t
WHERE p.tenant_id = %(pool)s
