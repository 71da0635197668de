-- The open contacts of the tenant in scope, with who calls and who talks to them.
-- Walks: open_contacts (tenant); the party's and the participation's indexes on contact.
SELECT c.id, c.version, c.state, c.channel, c.is_test, q.name AS queue, c.order_at,
       coalesce(s.started_at, c.arrived_at) AS since,
       CASE WHEN party.ani_restricted THEN '' ELSE coalesce(party.ani, '') END AS number, person.name AS agent
FROM routing_contact c
LEFT JOIN routing_queue q ON q.tenant_id = c.tenant_id AND q.id = c.queue_id
LEFT JOIN routing_contactparty party ON party.tenant_id = c.tenant_id AND party.contact_id = c.id
LEFT JOIN routing_segment s
    ON s.tenant_id = c.tenant_id AND s.contact_id = c.id AND s.ended_at IS NULL AND s.kind <> 'wrap_up'
LEFT JOIN agents_agentsession session ON session.tenant_id = s.tenant_id AND session.id = s.session_id
LEFT JOIN agents_agent agent ON agent.tenant_id = session.tenant_id AND agent.id = session.agent_id
LEFT JOIN tenants_user person ON person.id = agent.user_id
WHERE c.tenant_id = %(tenant)s AND c.state <> 'ended'
ORDER BY c.order_at NULLS LAST, c.id
