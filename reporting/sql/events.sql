-- The events of these aggregates after those that are known, in their order. Walks tenants_event_of_aggregate.
SELECT e.id, e.tenant_id, e.type, e.aggregate_type, e.aggregate_id, e.seq, e.actor, e.occurred_at, e.is_test, e.data
FROM unnest(%(tenants)s::uuid[], %(aggregates)s::uuid[], %(after)s::integer[]) AS known(tenant_id, aggregate_id, seq)
JOIN tenants_event e
    ON e.tenant_id = known.tenant_id AND e.aggregate_id = known.aggregate_id AND e.seq > known.seq
ORDER BY e.aggregate_id, e.seq, e.id
