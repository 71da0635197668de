-- The oldest events that wait to be relayed, while the relay's lease is ours. Walks the outbox's key, then the log's,
-- in which the id alone tells the partition. An event that is missing has nulls.
SELECT waiting.event_id, waiting.tenant_id, e.type, e.aggregate_type, e.aggregate_id, e.seq, e.is_test, e.data
FROM (
    SELECT event_id, tenant_id FROM tenants_outbox
    WHERE EXISTS (SELECT 1 FROM tenants_lease l
                  WHERE l.name = %(lease)s AND l.holder = %(holder)s AND l.fence = %(fence)s
                    AND l.expires_at > clock_timestamp())
    ORDER BY event_id
    LIMIT %(limit)s
) waiting
LEFT JOIN tenants_event e ON e.id = waiting.event_id
ORDER BY waiting.event_id
