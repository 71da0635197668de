-- What a waiting contact's estimate is made of: how many agents at work could serve it and whether one is free, how many
-- contacts such agents could serve go before it, and of the latest 200 such contacts that are over how many were
-- handled, for how long agents were taken by them, how many gave up, and how long they all waited (seconds).
-- Walks open_sessions, eligibility_once, waiting_contacts for each demand, contacts_by_queueing from the latest on.
WITH serving AS (
    SELECT s.id, s.profile_id, s.state = 'ready' AND EXISTS (
               SELECT FROM agents_slot f
               WHERE f.tenant_id = s.tenant_id AND f.session_id = s.id AND f.channel = %(channel)s AND f.open AND NOT f.held
           ) AS free
    FROM agents_agentsession s
    JOIN routing_eligibility e ON e.tenant_id = s.tenant_id AND e.profile_id = s.profile_id
                              AND e.demand_id = %(demand)s AND e.fits
    WHERE s.tenant_id = %(tenant)s AND s.logged_out_at IS NULL
      AND (s.state IN ('ready', 'wrap_up') OR EXISTS (
              SELECT FROM agents_slot f WHERE f.tenant_id = s.tenant_id AND f.session_id = s.id AND f.held
          ))
), rivals AS (
    SELECT DISTINCT e.demand_id
    FROM routing_eligibility e
    WHERE e.tenant_id = %(tenant)s AND e.fits AND e.profile_id IN (SELECT profile_id FROM serving)
), recent AS (
    SELECT c.id, c.connected_at, c.end_reason, coalesce(c.connected_at, c.ended_at) - c.queued_at AS waited
    FROM routing_contact c
    WHERE c.tenant_id = %(tenant)s AND c.queued_at > %(now)s::timestamptz - interval '2 hours' AND c.state = 'ended'
      AND c.demand_id IN (SELECT demand_id FROM rivals)
    ORDER BY c.queued_at DESC
    LIMIT 200
), taken AS (
    SELECT coalesce(sum(extract(epoch FROM g.ended_at - g.started_at)), 0)::float8 AS seconds
    FROM recent r
    JOIN routing_segment g ON g.tenant_id = %(tenant)s AND g.contact_id = r.id
    WHERE r.connected_at IS NOT NULL AND g.session_id IS NOT NULL AND g.ended_at IS NOT NULL
)
SELECT (SELECT count(*) FROM serving) AS agents,
       (SELECT count(*) FROM serving WHERE free) AS free,
       (SELECT count(*)
        FROM routing_contact w
        WHERE w.tenant_id = %(tenant)s AND w.state = 'queued' AND w.demand_id IN (SELECT demand_id FROM rivals)
          AND (-w.priority, w.order_at, w.id) < (-%(priority)s, %(order_at)s::timestamptz, %(contact)s::uuid)) AS ahead,
       count(*) FILTER (WHERE connected_at IS NOT NULL) AS handled,
       (SELECT seconds FROM taken) AS handle_s,
       count(*) FILTER (WHERE end_reason IN ('abandoned', 'short_abandoned')) AS left_early,
       coalesce(extract(epoch FROM sum(waited)), 0)::float8 AS waited_s
FROM recent
