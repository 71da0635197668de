-- Open sessions whose rows contradict themselves; in health there is none. One statement, so one snapshot: every
-- service changes these rows together. %(session)s: this one alone, whose lock keeps the answer true.
SELECT a.id
FROM agents_agentsession a
WHERE a.logged_out_at IS NULL
  AND (   a.state = 'wrap_up' AND NOT EXISTS (SELECT FROM tenants_timer t
                                              WHERE t.kind = 'wrap-up' AND t.subject_id = a.id)
       OR a.backoff_until IS NOT NULL AND NOT EXISTS (SELECT FROM tenants_timer t
                                                      WHERE t.kind = 'back-off' AND t.subject_id = a.id)
       OR EXISTS (SELECT FROM agents_slot s
                  WHERE s.tenant_id = a.tenant_id AND s.session_id = a.id
                    AND s.open <> (a.state = 'ready' AND a.backoff_until IS NULL AND NOT s.retired
                                 AND (NOT a.reserve OR EXISTS (SELECT FROM agents_reserve r
                                                               WHERE r.tenant_id = a.tenant_id
                                                                 AND r.opened_at IS NOT NULL))
                                 AND NOT EXISTS (SELECT FROM agents_slot h
                                                 WHERE h.session_id = s.session_id AND h.held
                                                   AND s.channel = ANY(h.blocks)))))
  AND (a.id = %(session)s::uuid OR %(session)s::uuid IS NULL)
  AND (a.id > %(after)s::uuid OR %(after)s::uuid IS NULL)
ORDER BY a.id
LIMIT %(limit)s
