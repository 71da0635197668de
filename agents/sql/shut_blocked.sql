-- The slots that those held just now keep shut. Their sessions are locked. Walks the index of the slots' sessions.
UPDATE agents_slot s
SET open = false
FROM agents_slot h
WHERE h.id = ANY(%(held)s) AND s.session_id = h.session_id AND s.channel = ANY(h.blocks) AND s.open
