-- The first contacts of each demand of a pool, in order, with the sessions that each excludes now. None while all of the
-- pool's slots are taken, which free_slots tells at once: then, when many wait, there is nothing to read.
-- Walks demand_once (the pool's demands: hundreds at most), then waiting_contacts once per demand: the cost does not
-- grow with the number of contacts that wait.
-- First the columns that the pass names (OF_CONTACT), then the queue's, then the exclusions, and the session to which
-- alone the contact may go: while its affinity is in force and that agent is logged in. Few have one; theirs is looked
-- up by its key.
SELECT c.id, c.tenant_id, c.interaction_id, c.node, c.caller_channel, c.state, c.direction, c.channel, c.language,
       c.is_test, c.queue_id, c.demand_id, c.step, c.priority, c.order_at, c.queued_at, c.version,
       q.preference, q.ring_seconds,
       ARRAY(SELECT x.session_id FROM routing_exclusion x
             WHERE x.tenant_id = c.tenant_id AND x.contact_id = c.id AND x.until > clock_timestamp()) AS excluded,
       CASE WHEN c.affinity_until > clock_timestamp() THEN (
           SELECT n.id FROM agents_agentsession n WHERE n.id = c.affinity_session_id AND n.logged_out_at IS NULL
       ) END AS only
FROM routing_demand d
JOIN routing_queue q ON q.tenant_id = d.tenant_id AND q.id = d.queue_id
CROSS JOIN LATERAL (
    SELECT w.*
    FROM routing_contact w
    WHERE w.tenant_id = d.tenant_id AND w.demand_id = d.id AND w.state = 'queued'
    ORDER BY w.priority DESC, w.order_at, w.id
    LIMIT %(limit)s
) c
WHERE d.tenant_id = %(pool)s
  AND EXISTS (SELECT FROM agents_slot f WHERE f.tenant_id = %(pool)s AND f.open AND NOT f.held)
