-- Every active queue of the tenant in scope, with who waits now and what became of those queued in a period.
-- A contact counts for the period in which it was queued, whenever it was answered or ended: so
-- offered = answered + abandoned + short abandoned + still waiting + gone another way. Tests count nowhere.
-- Walks: open_contacts (tenant) for now, contacts_by_queueing (tenant, queued_at) for the period, and the segments'
-- index on contact for each contact of the period.
WITH waiting AS (
    SELECT queue_id, count(*) AS waiting, min(queued_at) AS oldest_waiting_at
    FROM routing_contact
    WHERE tenant_id = %(tenant)s AND state <> 'ended' AND state IN ('queued', 'offered', 'connecting') AND NOT is_test
    GROUP BY queue_id
), queued AS (
    SELECT c.id, c.queue_id, c.state, c.connected_at IS NOT NULL AS answered,
           coalesce(c.connected_at, c.ended_at) - c.queued_at AS wait,
           make_interval(secs => q.target_seconds) AS target,
           c.end_reason = 'abandoned' AND c.connected_at IS NULL AS abandoned,
           c.end_reason = 'short_abandoned' AND c.connected_at IS NULL AS short_abandoned
    FROM routing_contact c
    JOIN routing_queue q ON q.tenant_id = c.tenant_id AND q.id = c.queue_id
    WHERE c.tenant_id = %(tenant)s AND c.queued_at >= %(begins)s AND c.queued_at < %(ends)s AND NOT c.is_test
), handled AS (
    SELECT c.id, sum(extract(epoch FROM s.ended_at - s.started_at)) AS handle_s
    FROM queued c
    JOIN routing_segment s ON s.contact_id = c.id AND s.kind IN ('talk', 'hold', 'wrap_up')
    WHERE c.state = 'ended' AND c.answered AND s.tenant_id = %(tenant)s
    GROUP BY c.id
    HAVING bool_and(s.ended_at IS NOT NULL)
), counted AS (
    SELECT c.queue_id,
           count(*) AS offered,
           count(*) FILTER (WHERE c.answered) AS answered,
           count(*) FILTER (WHERE c.answered AND c.wait <= c.target) AS answered_in_time,
           count(*) FILTER (WHERE c.abandoned) AS abandoned,
           count(*) FILTER (WHERE c.abandoned AND c.wait <= c.target) AS abandoned_in_time,
           count(*) FILTER (WHERE c.short_abandoned) AS short_abandoned,
           sum(extract(epoch FROM c.wait)) FILTER (WHERE c.answered) AS wait_s,
           count(h.id) AS handled,
           sum(h.handle_s) AS handle_s
    FROM queued c LEFT JOIN handled h ON h.id = c.id
    GROUP BY c.queue_id
)
SELECT q.id, q.name, q.target_seconds, q.short_abandon_seconds,
       coalesce(w.waiting, 0) AS waiting, w.oldest_waiting_at,
       coalesce(d.offered, 0) AS offered, coalesce(d.answered, 0) AS answered,
       coalesce(d.answered_in_time, 0) AS answered_in_time, coalesce(d.abandoned, 0) AS abandoned,
       coalesce(d.abandoned_in_time, 0) AS abandoned_in_time, coalesce(d.short_abandoned, 0) AS short_abandoned,
       coalesce(d.wait_s, 0)::float8 AS wait_s, coalesce(d.handled, 0) AS handled,
       coalesce(d.handle_s, 0)::float8 AS handle_s
FROM routing_queue q
LEFT JOIN waiting w ON w.queue_id = q.id
LEFT JOIN counted d ON d.queue_id = q.id
WHERE q.tenant_id = %(tenant)s AND (q.active OR w.waiting > 0 OR d.offered > 0)
ORDER BY q.name, q.id
