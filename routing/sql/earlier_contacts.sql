-- The latest contacts that ended before given ones, of the same caller and tenant: at most %(limit)s for each, newest
-- first. Walks contacts_of_a_caller (tenant, calling_hash, arrived_at) backwards, so a caller's thousandth call costs
-- what the tenth does.
SELECT given.contact_id, earlier.arrived_at, q.name AS queue, d.name AS disposition, handler.name AS agent
FROM unnest(%(contacts)s::uuid[], %(hashes)s::text[], %(before)s::timestamptz[])
     AS given (contact_id, calling_hash, before)
CROSS JOIN LATERAL (
    SELECT c.id, c.arrived_at, c.queue_id, c.disposition_id
    FROM routing_contact c
    WHERE c.tenant_id = %(tenant)s AND c.calling_hash = given.calling_hash AND c.arrived_at < given.before
      AND c.state = 'ended'
    ORDER BY c.arrived_at DESC
    LIMIT %(limit)s
) earlier
LEFT JOIN routing_queue q ON q.tenant_id = %(tenant)s AND q.id = earlier.queue_id
LEFT JOIN routing_disposition d ON d.tenant_id = %(tenant)s AND d.id = earlier.disposition_id
LEFT JOIN LATERAL (
    SELECT person.name
    FROM routing_participation p
    JOIN agents_agentsession s ON s.tenant_id = p.tenant_id AND s.id = p.session_id
    JOIN agents_agent a ON a.tenant_id = s.tenant_id AND a.id = s.agent_id
    JOIN tenants_user person ON person.id = a.user_id
    WHERE p.tenant_id = %(tenant)s AND p.contact_id = earlier.id
    ORDER BY p.joined_at DESC
    LIMIT 1
) handler ON true
ORDER BY given.contact_id, earlier.arrived_at DESC
