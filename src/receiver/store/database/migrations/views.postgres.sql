-- The views for dashboards: the sums and the sessions of an organization, without persons and without text. They read the tables
-- as their owner, han_sync_views, which sees by its policies what the role that asks may read, and otherwise nothing; the
-- views say so once more. A migration that changes a column in them replaces the views as well, where they are.
CREATE VIEW han_team.daily WITH (security_barrier = true) AS
SELECT o.handle AS organization,
       DATE '1970-01-01' + m.day::integer AS day,
       nullif(m.repository, '') AS repository,
       nullif(m.pull_request, 0) AS pull_request,
       nullif(m.branch, '') AS branch,
       nullif(m.model, '') AS model,
       count(DISTINCT m.session_id) FILTER (WHERE m.messages > 0) AS sessions,
       sum(m.messages) AS messages,
       sum(m.input_tokens) AS input_tokens,
       sum(m.output_tokens) AS output_tokens,
       sum(m.cache_read_tokens) AS cache_read_tokens,
       sum(m.cache_creation_tokens) AS cache_creation_tokens,
       sum(m.cache_creation_1h_tokens) AS cache_creation_1h_tokens,
       sum(m.lines_added) AS lines_added,
       sum(m.lines_removed) AS lines_removed,
       sum(m.tasks_completed) AS tasks_completed
FROM metrics m JOIN tenants o ON o.tenant_id = m.tenant_id AND o.kind = 'organization'
WHERE m.tenant_id = ANY (ARRAY(SELECT r.tenant_id FROM view_readers r WHERE r.reader = CURRENT_USER::text))
GROUP BY o.handle, m.day, m.repository, m.pull_request, m.branch, m.model;

CREATE VIEW han_team.sessions WITH (security_barrier = true) AS
SELECT o.handle AS organization,
       s.session_id AS session,
       nullif(s.repository, '') AS repository,
       s.pr_number AS pull_request,
       s.pr_url AS pull_request_url,
       s.team_name AS team,
       s.status AS status,
       s.harness AS harness,
       to_timestamp(s.stored_at / 1000000.0) AS first_stored_at,
       to_timestamp(s.modified_at / 1000000.0) AS modified_at,
       s.message_count AS messages,
       t.input_tokens, t.output_tokens, t.cache_read_tokens, t.cache_creation_tokens, t.cache_creation_1h_tokens,
       t.lines_added, t.lines_removed, t.tasks_completed
FROM sessions s JOIN tenants o ON o.tenant_id = s.tenant_id AND o.kind = 'organization'
LEFT JOIN LATERAL (
    SELECT sum(m.input_tokens) AS input_tokens,
           sum(m.output_tokens) AS output_tokens,
           sum(m.cache_read_tokens) AS cache_read_tokens,
           sum(m.cache_creation_tokens) AS cache_creation_tokens,
           sum(m.cache_creation_1h_tokens) AS cache_creation_1h_tokens,
           sum(m.lines_added) AS lines_added,
           sum(m.lines_removed) AS lines_removed,
           sum(m.tasks_completed) AS tasks_completed
    FROM metrics m
    WHERE m.tenant_id = s.tenant_id AND m.user_id = s.user_id AND m.session_id = s.session_id
) t ON true
WHERE s.tenant_id = ANY (ARRAY(SELECT r.tenant_id FROM view_readers r WHERE r.reader = CURRENT_USER::text));
