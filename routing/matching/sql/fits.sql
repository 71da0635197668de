-- The verdicts that are yes, of these profiles. Walks eligibility_once.
SELECT e.demand_id, e.profile_id, e.fit
FROM routing_eligibility e
WHERE e.tenant_id = %(pool)s AND e.profile_id = ANY(%(profiles)s) AND e.fits
