-- End the running stretch of a contact and begin the next, in one statement. Walks one_running_segment_per_contact.
-- The new row is selected from what the UPDATE returns, so that the old one has ended before the new one is checked.
-- Two clocks meet here (the switch's and the database's): a stretch never ends before it began,
-- and the next begins when it ends.
WITH ended AS (
    UPDATE routing_segment SET ended_at = greatest(started_at, %(at)s)
    WHERE contact_id = %(contact)s AND ended_at IS NULL AND kind <> 'wrap_up'
    RETURNING ended_at
)
INSERT INTO routing_segment (id, tenant_id, contact_id, kind, queue_id, session_id, started_at)
SELECT %(id)s, %(tenant)s, %(contact)s, %(kind)s, %(queue)s, %(session)s, coalesce(before.ended_at, %(at)s)
FROM (SELECT max(ended_at) AS ended_at FROM ended) AS before
