-- Which of these slots are still free. Read after their sessions are locked: every writer of a slot holds that lock.
SELECT s.id, t.endpoint, t.answer_mode
FROM agents_slot s
JOIN agents_agentsession a ON a.tenant_id = s.tenant_id AND a.id = s.session_id
JOIN agents_station t ON t.tenant_id = a.tenant_id AND t.id = a.station_id
WHERE s.id = ANY(%(slots)s) AND s.open AND NOT s.held
