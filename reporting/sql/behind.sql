-- Aggregates whose records are behind the log. Walks projections_behind.
SELECT aggregate_id, tenant_id, aggregate_type, done_seq, known_seq
FROM reporting_projection
WHERE known_seq > done_seq AND NOT failed
ORDER BY aggregate_id
LIMIT %(limit)s
