-- The open contacts of the tenant in scope, with who calls and who is rung or talks.
-- Walks: open_contacts (tenant); the indexes on contact of the party, the participations and the offers.
SELECT c.id, c.version, c.state, c.channel, c.is_test, q.name AS queue, c.order_at,
       coalesce(p.joined_at, o.offered_at, CASE c.state WHEN 'queued' THEN c.queued_at END, c.arrived_at) AS since,
       CASE WHEN party.ani_restricted THEN '' ELSE coalesce(party.ani, '') END AS number, person.name AS agent
FROM routing_contact c
LEFT JOIN routing_queue q ON q.tenant_id = c.tenant_id AND q.id = c.queue_id
LEFT JOIN routing_contactparty party ON party.tenant_id = c.tenant_id AND party.contact_id = c.id
LEFT JOIN routing_participation p ON p.tenant_id = c.tenant_id AND p.contact_id = c.id AND p.left_at IS NULL
LEFT JOIN routing_offer o
    ON o.tenant_id = c.tenant_id AND o.contact_id = c.id AND o.state IN ('offered', 'accepted')
LEFT JOIN agents_agentsession session
    ON session.tenant_id = c.tenant_id AND session.id = coalesce(p.session_id, o.session_id)
LEFT JOIN agents_agent agent ON agent.tenant_id = session.tenant_id AND agent.id = session.agent_id
LEFT JOIN tenants_user person ON person.id = agent.user_id
WHERE c.tenant_id = %(tenant)s AND c.state <> 'ended'
ORDER BY c.order_at NULLS LAST, c.id
