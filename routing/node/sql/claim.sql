-- Begin the node's pending commands, the oldest first, while the lease is held, and settle those that are done.
-- Walks open_commands, and the key for what is done. The state is asked again on the row itself: whoever waited for
-- another's claim to commit finds it begun, and leaves it.
-- One that begins again, with another worker, keeps when it first did: the exchange may have done it then.
-- The lease's row is locked meanwhile: nobody takes it over between the look at it and the commit.
WITH lease AS (
    SELECT 1 FROM tenants_lease l
    WHERE l.name = %(lease)s AND l.holder = %(holder)s AND l.fence = %(fence)s AND l.expires_at > clock_timestamp()
    FOR SHARE
), settled AS (
    UPDATE routing_switchcommand SET state = 'done', done_at = clock_timestamp()
    WHERE id = ANY(%(done)s) AND fence = %(fence)s AND state = 'begun'
)
UPDATE routing_switchcommand AS command
SET state = 'begun', begun_at = coalesce(begun_at, clock_timestamp()), fence = %(fence)s
WHERE command.id IN (
    SELECT id FROM routing_switchcommand
    WHERE node = %(node)s AND state = 'pending'
    ORDER BY id
    LIMIT %(limit)s
)
AND command.state = 'pending'
AND EXISTS (SELECT 1 FROM lease)
RETURNING command.id, command.interaction_id, command.session_id, command.contact_id, command.kind, command.arguments
