-- The open session of the agent who served a caller last, if they are at work with skills that fit the demand.
-- Walks contacts_of_a_caller backwards to the latest contact that somebody served, then keys; one row at most.
SELECT now.id
FROM (
    SELECT c.id
    FROM routing_contact c
    WHERE c.tenant_id = %(tenant)s AND c.calling_hash = %(hash)s AND c.arrived_at >= %(since)s
      AND c.arrived_at < %(before)s AND c.connected_at IS NOT NULL
    ORDER BY c.arrived_at DESC
    LIMIT 1
) served
CROSS JOIN LATERAL (
    SELECT p.session_id
    FROM routing_participation p
    WHERE p.tenant_id = %(tenant)s AND p.contact_id = served.id
    ORDER BY p.joined_at DESC
    LIMIT 1
) latest
JOIN agents_agentsession former ON former.tenant_id = %(tenant)s AND former.id = latest.session_id
JOIN agents_agentsession now ON now.agent_id = former.agent_id AND now.logged_out_at IS NULL
JOIN routing_eligibility e ON e.tenant_id = %(tenant)s AND e.demand_id = %(demand)s AND e.profile_id = now.profile_id
                          AND e.fits
