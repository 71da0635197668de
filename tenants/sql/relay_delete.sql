-- Delete what was relayed, while the relay's lease is ours; whoever has taken over relays it again. Walks the key.
DELETE FROM tenants_outbox
WHERE event_id = ANY(%(events)s)
AND EXISTS (SELECT 1 FROM tenants_lease l
            WHERE l.name = %(lease)s AND l.holder = %(holder)s AND l.fence = %(fence)s
              AND l.expires_at > clock_timestamp())
RETURNING event_id
