-- The newest events that the relay has not passed on: few in health, many when it is held up. Walks the outbox's key,
-- backwards, then the log's.
SELECT e.aggregate_id, e.tenant_id, e.aggregate_type, e.seq
FROM (SELECT event_id FROM tenants_outbox ORDER BY event_id DESC LIMIT %(limit)s) waiting
JOIN tenants_event e ON e.id = waiting.event_id
WHERE e.aggregate_type = ANY(%(types)s)
