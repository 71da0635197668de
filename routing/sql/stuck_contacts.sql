-- Contacts whose rows contradict each other; in health there is none. One statement, so one snapshot: every service
-- changes these rows together. Walks the partial indexes of what is open, not what is over.
SELECT stuck.contact_id
FROM (
    SELECT c.id AS contact_id
    FROM routing_contact c
    WHERE c.state <> 'ended'
      AND (   c.channel = 'voice'
              AND NOT EXISTS (SELECT FROM routing_leg l WHERE l.channel_id = c.caller_channel AND l.ended_at IS NULL)
              -- A customer who is called back has no leg before the exchange speaks of it.
              AND (   c.direction = 'inbound'
                   OR EXISTS (SELECT FROM routing_leg l WHERE l.channel_id = c.caller_channel))
           OR c.channel <> 'voice' AND c.ending <> ''
              AND NOT EXISTS (SELECT FROM tenants_timer t WHERE t.kind = 'work-end' AND t.subject_id = c.id)
           OR c.state = 'arriving' AND c.direction = 'inbound' AND NOT EXISTS (SELECT FROM tenants_timer t
                                                   WHERE t.kind = 'flow' AND t.subject_id = c.id)
           OR c.state IN ('offered', 'connecting')
              AND NOT EXISTS (SELECT FROM routing_offer o
                              WHERE o.contact_id = c.id AND o.state IN ('offered', 'accepted'))
           OR c.state IN ('queued', 'offered', 'connecting')
              AND (   c.ages_at IS NOT NULL
                   OR EXISTS (SELECT FROM routing_queue q
                              WHERE q.tenant_id = c.tenant_id AND q.id = c.queue_id
                                AND jsonb_array_length(q.steps) > c.step))
              AND NOT EXISTS (SELECT FROM tenants_timer t WHERE t.kind = 'step' AND t.subject_id = c.id)
           OR c.state = 'engaged' AND c.ending = ''
              AND NOT EXISTS (SELECT FROM routing_participation p WHERE p.contact_id = c.id AND p.left_at IS NULL)
           OR c.state = 'in_flow' AND c.ending = ''
              AND EXISTS (SELECT FROM routing_interaction i WHERE i.id = c.interaction_id AND i.answered_at IS NOT NULL)
              AND NOT EXISTS (SELECT FROM tenants_timer t
                              WHERE t.kind IN ('flow', 'hand-over') AND t.subject_id = c.id)
           OR c.state = 'diverted' AND c.ending = ''
              AND NOT EXISTS (SELECT FROM routing_diversion d WHERE d.contact_id = c.id AND d.state = 'talking')
              AND NOT EXISTS (SELECT FROM tenants_timer t WHERE t.kind = 'diversion' AND t.subject_id = c.id))
    UNION
    SELECT o.contact_id
    FROM routing_offer o
    JOIN routing_contact c ON c.tenant_id = o.tenant_id AND c.id = o.contact_id
    WHERE o.state IN ('offered', 'accepted')
      AND (   c.state NOT IN ('offered', 'connecting')
           OR NOT EXISTS (SELECT FROM tenants_timer t WHERE t.kind = 'offer-lease' AND t.subject_id = o.id))
    UNION
    SELECT p.contact_id
    FROM routing_participation p
    JOIN routing_contact c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id
    WHERE p.left_at IS NULL
      AND (   c.state <> 'engaged'
           OR EXISTS (SELECT FROM routing_leg l WHERE l.channel_id = p.leg_channel AND l.ended_at IS NOT NULL))
) AS stuck
WHERE stuck.contact_id > %(after)s::uuid OR %(after)s::uuid IS NULL
ORDER BY stuck.contact_id
LIMIT %(limit)s
