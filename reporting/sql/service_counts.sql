-- How often agents were logged in, asked and talked during a period, and when they first came and last went.
-- Walks: sessions_by_login (tenant), offers_by_time (tenant, offered_at), stretches_of_session (tenant, session, time).
WITH sessions AS (
    SELECT id, agent_id, logged_in_at, logged_out_at
    FROM reporting_sessionrecord
    WHERE tenant_id = %(tenant)s AND logged_in_at < %(ends)s AND (logged_out_at IS NULL OR logged_out_at > %(begins)s)
), offers AS (
    SELECT s.agent_id, count(*) AS offered, count(*) FILTER (WHERE o.state IN ('timed_out', 'failed', 'rejected')) AS missed
    FROM reporting_offerrecord o JOIN sessions s ON s.id = o.session_id
    WHERE o.tenant_id = %(tenant)s AND o.offered_at >= %(begins)s AND o.offered_at < %(ends)s
    GROUP BY s.agent_id
), talks AS (
    SELECT s.agent_id, count(DISTINCT t.contact_id) AS answered
    FROM reporting_stretch t JOIN sessions s ON s.id = t.session_id
    WHERE t.tenant_id = %(tenant)s AND t.kind = 'talk' AND t.started_at >= %(begins)s AND t.started_at < %(ends)s
    GROUP BY s.agent_id
)
SELECT s.agent_id, count(*) AS logins, min(s.logged_in_at) AS first_login,
       CASE WHEN bool_and(s.logged_out_at IS NOT NULL) THEN max(s.logged_out_at) END AS last_logout,
       coalesce(max(o.offered), 0) AS offered, coalesce(max(o.missed), 0) AS missed, coalesce(max(t.answered), 0) AS answered
FROM sessions s LEFT JOIN offers o ON o.agent_id = s.agent_id LEFT JOIN talks t ON t.agent_id = s.agent_id
GROUP BY s.agent_id
