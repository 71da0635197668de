-- Every active queue of the tenant in scope, with who waits now and what became of those queued in a period.
-- Now is read from the contacts themselves, the period from the records. A contact counts for the period in which it
-- was queued, whenever it was answered or ended: so offered = answered + abandoned + short abandoned + still waiting +
-- gone another way. In time is within the target of the customer's segment, else the queue's. Tests count nowhere. A contact is handled when it was answered, is over, and so is the work after it.
-- Walks: open_contacts (tenant) for now; records_by_queueing (tenant, queued_at) and work_stretches (tenant, started_at)
-- for the period. No work on a contact begins before it is queued; the hour is for two clocks that differ.
WITH waiting AS (
    SELECT queue_id, count(*) AS waiting, min(queued_at) AS oldest_waiting_at
    FROM routing_contact
    WHERE tenant_id = %(tenant)s AND state <> 'ended' AND state IN ('queued', 'offered', 'connecting') AND NOT is_test
    GROUP BY queue_id
), wrapped AS (
    SELECT contact_id, sum(ended_at - started_at) AS worked, bool_or(ended_at IS NULL) AS running
    FROM reporting_stretch
    WHERE tenant_id = %(tenant)s AND kind IN ('talk', 'hold', 'wrap_up') AND kind = 'wrap_up'
      AND started_at >= %(begins)s::timestamptz - interval '1 hour'
    GROUP BY contact_id
), queued AS (
    SELECT r.queue_id, r.connected_at IS NOT NULL AS answered,
           coalesce(r.connected_at, r.ended_at) - r.queued_at AS wait,
           make_interval(secs => coalesce((p.segments -> r.segment ->> 'target_seconds')::int, q.target_seconds)) AS target,
           r.end_reason = 'abandoned' AND r.connected_at IS NULL AS abandoned,
           r.end_reason = 'short_abandoned' AND r.connected_at IS NULL AS short_abandoned,
           r.state = 'ended' AND r.connected_at IS NOT NULL AND NOT coalesce(w.running, false) AS handled,
           r.talked + r.held + coalesce(w.worked, interval '0') AS handle
    FROM reporting_callrecord r
    JOIN routing_queue q ON q.tenant_id = r.tenant_id AND q.id = r.queue_id
    LEFT JOIN routing_routingpolicy p ON p.tenant_id = r.tenant_id
    LEFT JOIN wrapped w ON w.contact_id = r.id
    WHERE r.tenant_id = %(tenant)s AND r.queued_at >= %(begins)s AND r.queued_at < %(ends)s AND NOT r.is_test
), counted AS (
    SELECT queue_id,
           count(*) AS offered,
           count(*) FILTER (WHERE answered) AS answered,
           count(*) FILTER (WHERE answered AND wait <= target) AS answered_in_time,
           count(*) FILTER (WHERE abandoned) AS abandoned,
           count(*) FILTER (WHERE abandoned AND wait <= target) AS abandoned_in_time,
           count(*) FILTER (WHERE short_abandoned) AS short_abandoned,
           extract(epoch FROM sum(wait) FILTER (WHERE answered)) AS wait_s,
           count(*) FILTER (WHERE handled) AS handled,
           extract(epoch FROM sum(handle) FILTER (WHERE handled)) AS handle_s
    FROM queued
    GROUP BY queue_id
)
SELECT q.id, q.name, jsonb_array_length(q.unserved) > 0 AS unserved, q.target_seconds, q.short_abandon_seconds,
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
