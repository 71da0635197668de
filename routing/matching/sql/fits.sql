-- The verdicts that are yes, of the pool's profiles that have a free slot.
-- Walks profile_once, free_slots once per profile, and eligibility_once for those that have one. LIMIT 1 and not EXISTS:
-- the planner would hash all free slots of the pool for that.
SELECT e.demand_id, e.profile_id, e.fit
FROM agents_skillprofile p
CROSS JOIN LATERAL (
    SELECT 1
    FROM agents_slot f
    WHERE f.tenant_id = p.tenant_id AND f.channel = ANY(%(channels)s) AND f.profile_id = p.id AND f.open AND NOT f.held
    LIMIT 1
) AS free
JOIN routing_eligibility e ON e.tenant_id = p.tenant_id AND e.profile_id = p.id
WHERE p.tenant_id = %(pool)s AND e.fits
