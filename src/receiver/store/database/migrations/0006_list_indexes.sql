-- Lists read no more rows than they show: each has an index in its order.
CREATE INDEX sessions_by_repository ON sessions (tenant_id, repository, stored_at, session_id);
CREATE INDEX sessions_by_pull_request ON sessions (tenant_id, pr_number, stored_at, session_id) WHERE pr_number IS NOT NULL;
CREATE INDEX tasks_in_order ON tasks (tenant_id, session_id, created_at, task_id) WHERE NOT pruned;
