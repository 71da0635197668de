-- Pools with a demand and a profile that have no verdict: in health there is none.
SELECT DISTINCT d.tenant_id
FROM routing_demand d
JOIN agents_skillprofile p ON p.tenant_id = d.tenant_id
WHERE NOT EXISTS (SELECT 1 FROM routing_eligibility e
                  WHERE e.tenant_id = d.tenant_id AND e.demand_id = d.id AND e.profile_id = p.id)
