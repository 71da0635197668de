-- Slots of open sessions that are not held as `SlotHold` says, or held by what is over; in health there is none.
-- %(session)s: of one session alone, whose lock keeps the answer true.
SELECT s.id, s.session_id, busy.busy
FROM agents_agentsession a
JOIN agents_slot s ON s.tenant_id = a.tenant_id AND s.session_id = a.id
LEFT JOIN routing_slothold h ON h.slot_id = s.id
LEFT JOIN routing_offer o ON o.tenant_id = h.tenant_id AND o.id = h.offer_id
LEFT JOIN routing_participation p ON p.tenant_id = h.tenant_id AND p.id = h.participation_id
CROSS JOIN LATERAL (
    SELECT coalesce(o.state IN ('offered', 'accepted'), p.id IS NOT NULL AND p.left_at IS NULL) AS busy
) busy
WHERE a.logged_out_at IS NULL
  AND (s.held <> busy.busy OR h.slot_id IS NOT NULL AND NOT busy.busy)
  AND (a.id = %(session)s::uuid OR %(session)s::uuid IS NULL)
  AND (s.id > %(after)s::uuid OR %(after)s::uuid IS NULL)
ORDER BY s.id
LIMIT %(limit)s
