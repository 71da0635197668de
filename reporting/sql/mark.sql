-- Note what the log is known to hold of these aggregates: the greatest sequence number that anybody has told of.
-- Telling again, in whatever order, changes nothing. Sorted, so that two who tell do not wait for each other in a circle.
INSERT INTO reporting_projection AS p (aggregate_id, tenant_id, aggregate_type, known_seq)
SELECT e.aggregate_id, e.tenant_id, e.aggregate_type, max(e.seq)
FROM unnest(%(aggregates)s::uuid[], %(tenants)s::uuid[], %(types)s::text[], %(seqs)s::integer[])
    AS e(aggregate_id, tenant_id, aggregate_type, seq)
GROUP BY e.aggregate_id, e.tenant_id, e.aggregate_type
ORDER BY e.aggregate_id
ON CONFLICT (aggregate_id) DO UPDATE SET known_seq = excluded.known_seq, failed = false
WHERE excluded.known_seq > p.known_seq
RETURNING p.aggregate_id
