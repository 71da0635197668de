-- How the time went that agents were logged in during a period: one row for each agent, kind and reason, in seconds.
-- What the agent did on the telephone comes before the state that was set meanwhile, as on the board: talking, then
-- hold, then ringing, then the session's own state. So the kinds of a session share its time without overlap, and their sum
-- is "logged_in". What still goes on counts up to now.
-- Walks: sessions_by_login (tenant), stretches_of_session (tenant, session).
WITH sessions AS (
    SELECT id, agent_id,
           tstzmultirange(tstzrange(greatest(logged_in_at, %(begins)s),
                                    greatest(logged_in_at, %(begins)s, least(coalesce(logged_out_at, %(now)s), %(ends)s))))
               AS span
    FROM reporting_sessionrecord
    WHERE tenant_id = %(tenant)s AND logged_in_at < %(ends)s AND (logged_out_at IS NULL OR logged_out_at > %(begins)s)
), pieces AS (
    SELECT s.session_id, s.kind, s.reason_id,
           tstzrange(s.started_at, greatest(s.started_at, coalesce(s.ended_at, %(now)s))) AS span
    FROM sessions
    JOIN reporting_stretch s ON s.tenant_id = %(tenant)s AND s.session_id = sessions.id
    WHERE s.started_at < %(ends)s AND (s.ended_at IS NULL OR s.ended_at > %(begins)s)
), busy AS (
    SELECT sessions.id, sessions.agent_id, sessions.span,
           coalesce(range_agg(p.span) FILTER (WHERE p.kind = 'talk'), '{}') * sessions.span AS talk,
           coalesce(range_agg(p.span) FILTER (WHERE p.kind = 'hold'), '{}') * sessions.span AS hold,
           coalesce(range_agg(p.span) FILTER (WHERE p.kind = 'ring'), '{}') * sessions.span AS ring
    FROM sessions LEFT JOIN pieces p ON p.session_id = sessions.id AND p.kind IN ('talk', 'hold', 'ring')
    GROUP BY sessions.id, sessions.agent_id, sessions.span
), told AS (
    SELECT agent_id, 'logged_in' AS kind, NULL::uuid AS reason_id, span FROM busy
    UNION ALL SELECT agent_id, 'talk', NULL, talk FROM busy
    UNION ALL SELECT agent_id, 'hold', NULL, hold - talk FROM busy
    UNION ALL SELECT agent_id, 'ring', NULL, ring - hold - talk FROM busy
    UNION ALL
    SELECT busy.agent_id, p.kind, p.reason_id, range_agg(p.span) * busy.span - busy.talk - busy.hold - busy.ring
    FROM busy JOIN pieces p ON p.session_id = busy.id AND p.kind IN ('ready', 'not_ready', 'wrap_up')
    GROUP BY busy.id, busy.agent_id, busy.span, busy.talk, busy.hold, busy.ring, p.kind, p.reason_id
)
SELECT told.agent_id, told.kind, told.reason_id, extract(epoch FROM sum(upper(part) - lower(part)))::float8 AS seconds
FROM told, unnest(told.span) AS part
GROUP BY told.agent_id, told.kind, told.reason_id
ORDER BY told.agent_id, told.kind, told.reason_id
