-- A slot that nobody holds any more, by its key; then the slots of its session open that it alone kept shut, if the
-- session takes contacts. Its session is locked. The second part reads nothing for a slot that keeps none shut.
-- {figures}: after work it is idle from then on, and what was done in this log-in is counted: held by the contact since
-- the offer, by the same clock as the end.
WITH freed AS (
    UPDATE agents_slot
    SET held = false{figures}
    WHERE id = %(slot)s
    RETURNING id, session_id, blocks
)
UPDATE agents_slot s
SET open = true, idle_since = coalesce(%(at)s::timestamptz, s.idle_since)
FROM freed f
JOIN agents_agentsession n ON n.id = f.session_id
WHERE f.blocks <> '{{}}' AND s.session_id = f.session_id AND s.id <> f.id AND s.channel = ANY(f.blocks)
  AND NOT s.open AND NOT s.retired
  AND n.state = 'ready' AND n.backoff_until IS NULL
  AND (NOT n.reserve OR EXISTS (SELECT FROM agents_reserve r
                                WHERE r.tenant_id = n.tenant_id AND r.opened_at IS NOT NULL))
  AND NOT EXISTS (SELECT FROM agents_slot h
                  WHERE h.session_id = s.session_id AND h.held AND h.id <> f.id AND s.channel = ANY(h.blocks))
