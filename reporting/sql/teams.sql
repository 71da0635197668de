-- Teams of the tenant in scope, as they are made up today: what their agents did for the contacts queued in a period.
-- A contact counts for the period in which it was queued, as it does for its queue; as answered for the team whose agent
-- answered it first, as handled for every team that worked on it. Offers are those of these contacts. Tests count nowhere.
-- Walks: records_by_queueing (tenant, queued_at), work_stretches (tenant, started_at), offers_by_time.
WITH contacts AS (
    SELECT id, session_id, state, connected_at - queued_at AS wait
    FROM reporting_callrecord
    WHERE tenant_id = %(tenant)s AND queued_at >= %(begins)s AND queued_at < %(ends)s AND NOT is_test
), members AS (
    SELECT s.id AS session_id, a.team_id
    FROM reporting_sessionrecord s
    JOIN agents_agent a ON a.tenant_id = s.tenant_id AND a.id = s.agent_id
    WHERE s.tenant_id = %(tenant)s AND a.team_id IS NOT NULL
      AND (s.logged_out_at IS NULL OR s.logged_out_at >= %(begins)s)
), worked AS (
    SELECT s.contact_id, m.team_id, sum(s.ended_at - s.started_at) AS worked, bool_or(s.ended_at IS NULL) AS running
    FROM reporting_stretch s LEFT JOIN members m ON m.session_id = s.session_id
    WHERE s.tenant_id = %(tenant)s AND s.kind IN ('talk', 'hold', 'wrap_up')
      AND s.started_at >= %(begins)s::timestamptz - interval '1 hour'
    GROUP BY s.contact_id, m.team_id
), handled AS (
    SELECT w.team_id, count(*) AS handled, sum(w.worked) AS handle
    FROM contacts c JOIN worked w ON w.contact_id = c.id
    WHERE c.state = 'ended' AND c.id NOT IN (SELECT contact_id FROM worked WHERE running)
    GROUP BY w.team_id
), answered AS (
    SELECT m.team_id, count(*) AS answered, sum(c.wait) AS wait
    FROM contacts c JOIN members m ON m.session_id = c.session_id
    GROUP BY m.team_id
), offered AS (
    SELECT m.team_id, count(*) AS offered, count(*) FILTER (WHERE o.state IN ('timed_out', 'failed', 'rejected')) AS missed
    FROM contacts c
    JOIN reporting_offerrecord o ON o.contact_id = c.id AND o.tenant_id = %(tenant)s
        AND o.offered_at >= %(begins)s::timestamptz - interval '1 hour'
    JOIN members m ON m.session_id = o.session_id
    GROUP BY m.team_id
)
SELECT t.id, t.name, coalesce(o.offered, 0) AS offered, coalesce(o.missed, 0) AS missed,
       coalesce(a.answered, 0) AS answered, coalesce(extract(epoch FROM a.wait), 0)::float8 AS wait_s,
       coalesce(h.handled, 0) AS handled, coalesce(extract(epoch FROM h.handle), 0)::float8 AS handle_s
FROM agents_team t
LEFT JOIN offered o ON o.team_id = t.id
LEFT JOIN answered a ON a.team_id = t.id
LEFT JOIN handled h ON h.team_id = t.id
WHERE t.tenant_id = %(tenant)s
ORDER BY t.name, t.id
