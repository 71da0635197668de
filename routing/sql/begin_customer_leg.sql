-- A customer's leg of a call-back that the switch speaks of for the first time gets its row; of one that is known,
-- nothing. Walks the unique index of routing_interaction (caller_channel).
INSERT INTO routing_leg (id, interaction_id, node, channel_id, offer_id, sip_call_id, created_at, ended_by_us)
SELECT %(id)s, i.id, i.node, i.caller_channel, NULL, '', clock_timestamp(), false
FROM routing_interaction i
WHERE i.caller_channel = %(channel)s AND i.direction = 'outbound'
ON CONFLICT DO NOTHING
