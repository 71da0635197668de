-- Pools with a pair that has been eligible for longer than %(patience)s seconds: in health there is none.
-- A pair is as old as the younger of its two: the contact's wait or the slot's freedom; or the end of the contact's
-- affinity to somebody else, as long as they are logged in.
SELECT DISTINCT c.tenant_id
FROM routing_contact c
JOIN routing_eligibility e ON e.tenant_id = c.tenant_id AND e.demand_id = c.demand_id AND e.fits
JOIN agents_slot s ON s.tenant_id = c.tenant_id AND s.profile_id = e.profile_id AND s.channel = c.channel
                  AND s.open AND NOT s.held
LEFT JOIN agents_agentsession n ON n.id = c.affinity_session_id AND n.logged_out_at IS NULL
WHERE c.state = 'queued'
  AND greatest(c.queued_at, s.idle_since, CASE WHEN n.id <> s.session_id THEN c.affinity_until END)
      < clock_timestamp() - %(patience)s * interval '1 second'
  AND NOT EXISTS (SELECT 1 FROM routing_exclusion x
                  WHERE x.tenant_id = c.tenant_id AND x.contact_id = c.id AND x.session_id = s.session_id
                    AND x.until > clock_timestamp())
