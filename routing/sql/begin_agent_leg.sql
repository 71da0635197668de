-- An agent's leg that the switch speaks of for the first time gets its row; of one that is known, nothing.
INSERT INTO routing_leg (id, interaction_id, node, channel_id, offer_id, sip_call_id, created_at, ended_by_us)
SELECT %(id)s, c.interaction_id, c.node, o.leg_channel, o.id, '', clock_timestamp(), false
FROM routing_offer o
JOIN routing_contact c ON c.tenant_id = o.tenant_id AND c.id = o.contact_id
WHERE o.leg_channel = %(channel)s
ON CONFLICT DO NOTHING
