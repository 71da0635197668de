-- Pools with a pair that has been eligible for longer than %(patience)s seconds: in health there is none.
-- A pair is as old as the younger of its two: the contact's wait or the slot's freedom.
SELECT DISTINCT c.tenant_id
FROM routing_contact c
JOIN routing_eligibility e ON e.tenant_id = c.tenant_id AND e.demand_id = c.demand_id AND e.fits
JOIN agents_slot s ON s.tenant_id = c.tenant_id AND s.profile_id = e.profile_id AND s.channel = c.channel
                  AND s.open AND NOT s.held
WHERE c.state = 'queued'
  AND greatest(c.queued_at, s.idle_since) < clock_timestamp() - %(patience)s * interval '1 second'
  AND NOT EXISTS (SELECT 1 FROM routing_exclusion x
                  WHERE x.tenant_id = c.tenant_id AND x.contact_id = c.id AND x.session_id = s.session_id
                    AND x.until > clock_timestamp())
