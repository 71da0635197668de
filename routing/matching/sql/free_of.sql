-- The free slots of some sessions of a pool, as free.sql tells them. Walks the index of the slots' sessions.
SELECT s.id, s.session_id, s.profile_id, s.channel, s.idle_since, s.occupancy, s.contacts, s.offered_at,
       s.blocks, n.version, t.answer_mode, t.endpoint
FROM agents_slot s
JOIN agents_agentsession n ON n.id = s.session_id
JOIN agents_station t ON t.id = n.station_id
WHERE s.tenant_id = %(pool)s AND s.session_id = ANY(%(sessions)s) AND s.channel = ANY(%(channels)s)
  AND s.open AND NOT s.held
