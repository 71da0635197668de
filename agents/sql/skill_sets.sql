-- The different sets of skills that the active agents of the tenant in scope have: code → proficiency.
-- Reads all of its agents and their skills: for a look now and then, not for a call.
SELECT DISTINCT coalesce(jsonb_object_agg(s.code, k.proficiency) FILTER (WHERE s.id IS NOT NULL), '{}')
FROM agents_agent a
LEFT JOIN agents_agentskill k ON k.tenant_id = a.tenant_id AND k.agent_id = a.id
LEFT JOIN agents_skill s ON s.tenant_id = k.tenant_id AND s.id = k.skill_id
WHERE a.tenant_id = %(tenant)s AND a.active
GROUP BY a.id
