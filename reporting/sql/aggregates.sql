-- The aggregates of a tenant of which the log tells, a page of them by id. Walks tenants_event_of_aggregate.
SELECT aggregate_id, tenant_id, min(aggregate_type)
FROM tenants_event
WHERE tenant_id = %(tenant)s AND aggregate_id > %(after)s AND aggregate_type = ANY(%(types)s)
GROUP BY aggregate_id, tenant_id
ORDER BY aggregate_id
LIMIT %(limit)s
