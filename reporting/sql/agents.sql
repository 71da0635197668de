-- Every open agent session of the tenant in scope, with what the agent does now. Talking and ringing follow from
-- participations and live offers, not from the session's own state; an agent who talks is talking, whatever comes next.
-- A work item in hand is no talk: who has one may be called.
-- Walks: open_sessions (tenant), participations_now and live_offers_of_session (tenant, session).
SELECT s.id, s.version, a.number AS agent_number, u.name, a.team_id, t.name AS team, st.extension AS station,
       CASE WHEN p.since IS NOT NULL THEN 'talking'
            WHEN o.since IS NOT NULL THEN 'ringing'
            ELSE s.state END AS state,
       r.name AS reason, r.system_code AS system_reason,
       coalesce(p.since, o.since, s.state_since) AS since
FROM agents_agentsession s
JOIN agents_agent a ON a.tenant_id = s.tenant_id AND a.id = s.agent_id
JOIN tenants_user u ON u.id = a.user_id
JOIN agents_station st ON st.tenant_id = s.tenant_id AND st.id = s.station_id
LEFT JOIN agents_team t ON t.tenant_id = a.tenant_id AND t.id = a.team_id
LEFT JOIN LATERAL (
    SELECT min(n.joined_at) AS since
    FROM routing_participation n
    JOIN routing_contact c ON c.tenant_id = n.tenant_id AND c.id = n.contact_id AND c.channel = 'voice'
    WHERE n.tenant_id = s.tenant_id AND n.session_id = s.id AND n.left_at IS NULL
) p ON true
LEFT JOIN LATERAL (
    SELECT min(offered_at) AS since FROM routing_offer
    WHERE tenant_id = s.tenant_id AND session_id = s.id AND state IN ('offered', 'accepted')
) o ON true
LEFT JOIN agents_notreadyreason r
    ON r.tenant_id = s.tenant_id AND r.id = s.reason_id
    AND s.state = 'not_ready' AND p.since IS NULL AND o.since IS NULL
WHERE s.tenant_id = %(tenant)s AND s.logged_out_at IS NULL
ORDER BY a.number, s.id
