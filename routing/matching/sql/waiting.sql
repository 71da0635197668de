-- The first contacts, in order, of the demands that a free slot of the pool suits, with the sessions that each excludes
-- now. None while all of the pool's slots are taken, or suit nobody: then, when many wait, there is nothing to read.
-- Walks free_slots once per channel, for those of which any is free; profile_once (the pool's profiles: hundreds at
-- most), free_slots once per profile and channel, the verdicts of those that have a free slot; then waiting_contacts once
-- per demand: the cost does not grow with the number of contacts.
-- Of what each demand's contacts are only the first of all are looked at further.
-- First the columns that the pass names (OF_CONTACT), then the queue's, then the exclusions, and the session to which
-- alone the contact may go: while its affinity is in force and that agent is logged in. Few have one; theirs is looked
-- up by its key.
WITH used AS MATERIALIZED (
    SELECT c.channel
    FROM unnest(%(channels)s::text[]) AS c (channel)
    CROSS JOIN LATERAL (
        SELECT 1
        FROM agents_slot f
        WHERE f.tenant_id = %(pool)s AND f.channel = c.channel AND f.open AND NOT f.held
        LIMIT 1
    ) AS free
), suited AS MATERIALIZED (
    SELECT DISTINCT e.demand_id
    FROM agents_skillprofile p
    CROSS JOIN used a
    CROSS JOIN LATERAL (
        SELECT 1
        FROM agents_slot f
        WHERE f.tenant_id = p.tenant_id AND f.channel = a.channel AND f.profile_id = p.id AND f.open AND NOT f.held
        LIMIT 1
    ) AS free
    JOIN routing_eligibility e ON e.tenant_id = p.tenant_id AND e.profile_id = p.id AND e.fits
    JOIN routing_demand d ON d.id = e.demand_id AND d.channel = a.channel
    WHERE p.tenant_id = %(pool)s
), first AS (
    SELECT c.*
    FROM suited
    CROSS JOIN LATERAL (
        SELECT w.*
        FROM routing_contact w
        WHERE w.tenant_id = %(pool)s AND w.demand_id = suited.demand_id AND w.state = 'queued'
        ORDER BY w.priority DESC, w.order_at, w.id
        LIMIT %(limit)s
    ) c
    ORDER BY c.priority DESC, c.order_at, c.id
    LIMIT %(most)s
)
SELECT c.id, c.tenant_id, c.interaction_id, c.node, c.caller_channel, c.state, c.direction, c.channel, c.language,
       c.is_test, c.queue_id, c.demand_id, c.step, c.priority, c.order_at, c.queued_at, c.version,
       q.preference, q.ring_seconds,
       ARRAY(SELECT x.session_id FROM routing_exclusion x
             WHERE x.tenant_id = c.tenant_id AND x.contact_id = c.id AND x.until > clock_timestamp()) AS excluded,
       CASE WHEN c.affinity_until > clock_timestamp() THEN (
           SELECT n.id FROM agents_agentsession n WHERE n.id = c.affinity_session_id AND n.logged_out_at IS NULL
       ) END AS only
FROM first c
CROSS JOIN LATERAL (SELECT u.preference, u.ring_seconds FROM routing_queue u WHERE u.id = c.queue_id LIMIT 1) q
