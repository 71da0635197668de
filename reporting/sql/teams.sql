-- Teams of the tenant in scope: contacts of a period that their agents handled, and the seconds that it took them.
-- A contact counts for the period in which it was queued, as it does for its queue, and for every team that talked to
-- it. Walks: contacts_by_queueing (tenant, queued_at), the segments' index on contact.
SELECT t.id, t.name, coalesce(d.handled, 0) AS handled, coalesce(d.handle_s, 0)::float8 AS handle_s
FROM agents_team t
LEFT JOIN (
    SELECT a.team_id, count(DISTINCT s.contact_id) AS handled,
           sum(extract(epoch FROM s.ended_at - s.started_at)) AS handle_s
    FROM routing_contact c
    JOIN routing_segment s ON s.tenant_id = c.tenant_id AND s.contact_id = c.id AND s.kind IN ('talk', 'hold', 'wrap_up')
    JOIN agents_agentsession session ON session.tenant_id = s.tenant_id AND session.id = s.session_id
    JOIN agents_agent a ON a.tenant_id = session.tenant_id AND a.id = session.agent_id
    WHERE c.tenant_id = %(tenant)s AND c.queued_at >= %(begins)s AND c.queued_at < %(ends)s AND NOT c.is_test
      AND c.state = 'ended' AND a.team_id IS NOT NULL
      AND NOT EXISTS (
          SELECT 1 FROM routing_segment open
          WHERE open.tenant_id = c.tenant_id AND open.contact_id = c.id AND open.ended_at IS NULL
      )
    GROUP BY a.team_id
) d ON d.team_id = t.id
WHERE t.tenant_id = %(tenant)s
ORDER BY t.name, t.id
