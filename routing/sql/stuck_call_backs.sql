-- Call-backs that nothing will bring on: scheduled without a timer, or under way without a contact that is. In health
-- there is none. Walks open_call_backs.
SELECT b.id
FROM routing_callback b
WHERE b.state IN ('scheduled', 'waiting', 'dialling', 'reached')
  AND (   b.state IN ('scheduled', 'waiting')
          AND NOT EXISTS (SELECT FROM tenants_timer t WHERE t.kind = 'call-back' AND t.subject_id = b.id)
       OR b.state <> 'scheduled'
          AND NOT EXISTS (SELECT FROM routing_contact c
                          WHERE c.tenant_id = b.tenant_id AND c.id = b.contact_id AND c.state <> 'ended'))
ORDER BY b.id
LIMIT %(limit)s
