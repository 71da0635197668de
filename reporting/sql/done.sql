-- Note how far the records of these aggregates are. The last statement of its transaction: the relay, which marks the
-- same rows, hardly waits for it. Walks the key.
INSERT INTO reporting_projection AS p (aggregate_id, tenant_id, aggregate_type, known_seq, done_seq, failed)
SELECT d.aggregate_id, d.tenant_id, d.aggregate_type, d.seq, d.seq, d.failed
FROM unnest(%(aggregates)s::uuid[], %(tenants)s::uuid[], %(types)s::text[], %(seqs)s::integer[], %(failed)s::boolean[])
    AS d(aggregate_id, tenant_id, aggregate_type, seq, failed)
ORDER BY d.aggregate_id
ON CONFLICT (aggregate_id) DO UPDATE
SET done_seq = excluded.done_seq, known_seq = greatest(p.known_seq, excluded.known_seq), failed = excluded.failed
RETURNING p.aggregate_id
