-- The open session of an account agent, if they are at work with skills that fit the demand. Walks keys; one row at most.
SELECT n.id
FROM agents_agentsession n
JOIN routing_eligibility e ON e.tenant_id = n.tenant_id AND e.demand_id = %(demand)s AND e.profile_id = n.profile_id
                          AND e.fits
WHERE n.tenant_id = %(tenant)s AND n.agent_id = %(agent)s AND n.logged_out_at IS NULL
