-- The schema. Every primary key begins with the tenant, so that the tables can be distributed by it. There are no other
-- unique constraints and no foreign keys.
--
-- A tenant is an organization, or the private space of a user; the id of a user is the id of the private space. Times are
-- microseconds since 1970 in UTC, days are days since 1970 in UTC.

CREATE TABLE tenants (
    tenant_id {text} NOT NULL,
    kind {text} NOT NULL CHECK (kind IN ('organization', 'user')),
    handle {text} NOT NULL,              -- slug or login, as in the directory
    title {text} NOT NULL,
    created_at BIGINT NOT NULL,
    retained_since BIGINT,               -- older messages are pruned and rejected
    members_may_forget BOOLEAN NOT NULL DEFAULT TRUE, -- of an organization: its members may delete their sessions
    PRIMARY KEY (tenant_id)
);

-- Names that are unique across tenants: slugs, logins, owners, hashes of keys. The directory is a tenant of its own.
CREATE TABLE directory (
    tenant_id {text} NOT NULL DEFAULT 'directory' CHECK (tenant_id = 'directory'),
    kind {text} NOT NULL CHECK (kind IN ('organization', 'user', 'owner', 'key')),
    name {text} NOT NULL,
    subject {text} NOT NULL,             -- the tenant with this name
    PRIMARY KEY (tenant_id, kind, name)
);

-- Owners of repositories: those of an organization, or the accounts of a user.
CREATE TABLE owners (
    tenant_id {text} NOT NULL,
    owner {text} NOT NULL,               -- normalized: host/owner[/subgroup…]
    PRIMARY KEY (tenant_id, owner)
);

CREATE TABLE members (
    tenant_id {text} NOT NULL,           -- the organization
    user_id {text} NOT NULL,
    role {text} NOT NULL CHECK (role IN ('member', 'admin')),
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE api_keys (
    tenant_id {text} NOT NULL,           -- the user
    key_id {text} NOT NULL,
    hash {text} NOT NULL,                -- SHA-256 of the key
    prefix {text} NOT NULL,              -- the first characters of the key, to tell keys apart
    label {text} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (tenant_id, key_id)
);

-- Machines that wait for a key (device authorization, RFC 8628). Both codes are stored as their SHA-256.
CREATE TABLE device_codes (
    tenant_id {text} NOT NULL DEFAULT 'directory' CHECK (tenant_id = 'directory'),
    device_hash {text} NOT NULL,         -- of the code that the machine polls with
    user_hash {text} NOT NULL,           -- of the code that a person confirms
    machine {text} NOT NULL,             -- as the machine says
    address {text} NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    polled_at BIGINT,
    approved_user {text},                -- the user for whom it is approved
    is_denied BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (tenant_id, device_hash)
);

-- The tenant in which a user's session is stored, and the session's tombstone. The location outlives the session, so that
-- a pruned or forgotten session is not stored again.
CREATE TABLE session_locations (
    tenant_id {text} NOT NULL,           -- the user
    session_id {text} NOT NULL,
    stored_in {text},                    -- the tenant; null where the session is not stored
    forgotten_at BIGINT,                 -- the tombstone: when the session was forgotten
    forgotten_repository {text},         -- with a tombstone: the repository, by which the tombstone can be removed
    restored_at BIGINT,                  -- when a tombstone was last removed; an earlier request to forget has no effect
    PRIMARY KEY (tenant_id, session_id)
);

-- The last time at which a receiver has shown by a write that the store takes data.
CREATE TABLE readiness (
    tenant_id {text} NOT NULL CHECK (tenant_id = 'directory'),
    checked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id)
);

CREATE TABLE sessions (
    tenant_id {text} NOT NULL,
    session_id {text} NOT NULL,
    user_id {text} NOT NULL,
    repository {text} NOT NULL,          -- https://host/path, or empty
    project_slug {text} NOT NULL,
    status {text} NOT NULL,
    slug {text},
    harness {text},
    inclusion {text},
    pr_number BIGINT,
    pr_url {text},                       -- without credentials
    team_name {text},
    last_modified {text} NOT NULL,       -- as sent
    modified_at BIGINT NOT NULL,
    total_message_count BIGINT,
    message_count BIGINT NOT NULL DEFAULT 0,
    digest BIGINT NOT NULL DEFAULT 0,    -- sum of the hashes of the message ids, modulo 2^64
    stored_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
);
CREATE INDEX sessions_in_order ON sessions (tenant_id, stored_at, session_id);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id, stored_at, session_id);

CREATE TABLE messages (
    tenant_id {text} NOT NULL,
    session_id {text} NOT NULL,
    message_id {text} NOT NULL,
    user_id {text} NOT NULL,
    stream {text} NOT NULL,
    line_number BIGINT NOT NULL,
    message_type {text} NOT NULL,
    "timestamp" {text} NOT NULL,         -- as sent
    at BIGINT NOT NULL,
    arrived_at BIGINT,                   -- of a message whose own time was ahead when it came; else null
    content_hash {text} NOT NULL,
    content {text},
    input_tokens BIGINT,
    output_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_creation_tokens BIGINT,
    agent_id {text},
    parent_id {text},
    role {text},
    tool_name {text},
    model {text},
    usage_id {text},
    lines_added BIGINT,
    lines_removed BIGINT,
    files_changed BIGINT,
    content_omitted BOOLEAN,
    git_branch {text},
    cache_creation_1h_tokens BIGINT,
    PRIMARY KEY (tenant_id, session_id, message_id)
);
CREATE INDEX messages_in_order ON messages (tenant_id, session_id, at, line_number, message_id);

CREATE TABLE tasks (
    tenant_id {text} NOT NULL,
    session_id {text} NOT NULL,
    task_id {text} NOT NULL,
    user_id {text} NOT NULL,
    subject {text} NOT NULL,
    description {text},
    status {text} NOT NULL,
    created_at {text} NOT NULL,          -- as sent
    updated_at {text} NOT NULL,          -- as sent
    changed_at BIGINT NOT NULL,
    pruned BOOLEAN NOT NULL DEFAULT FALSE, -- only the fields that the aggregates need are left
    PRIMARY KEY (tenant_id, session_id, task_id)
);

-- The tokens of an answer, which count once, with the answer's first row.
CREATE TABLE usages (
    tenant_id {text} NOT NULL,
    user_id {text} NOT NULL,
    usage_id {text} NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_creation_tokens BIGINT NOT NULL,
    at BIGINT NOT NULL,                  -- from here on: the row with which the answer counts
    line_number BIGINT NOT NULL,
    message_type {text} NOT NULL,
    session_id {text} NOT NULL,
    message_id {text} NOT NULL,
    model {text} NOT NULL,               -- empty: none
    last_at BIGINT NOT NULL,             -- the answer's last row, which decides when it is pruned
    cache_creation_1h_tokens BIGINT NOT NULL,
    branch {text} NOT NULL,              -- empty: none
    PRIMARY KEY (tenant_id, user_id, usage_id)
);

-- The aggregates: sums per session, day, model, type and branch. Sessions are counted from these rows.
CREATE TABLE metrics (
    tenant_id {text} NOT NULL,
    user_id {text} NOT NULL,
    session_id {text} NOT NULL,
    day BIGINT NOT NULL,
    model {text} NOT NULL,               -- empty: none
    message_type {text} NOT NULL,        -- empty: tasks
    branch {text} NOT NULL,              -- empty: none
    repository {text} NOT NULL,          -- the session's
    pull_request BIGINT NOT NULL,        -- the session's in its repository; 0: none
    messages BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_creation_tokens BIGINT NOT NULL,
    cache_creation_1h_tokens BIGINT NOT NULL,
    lines_added BIGINT NOT NULL,
    lines_removed BIGINT NOT NULL,
    tasks_completed BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id, session_id, day, model, message_type, branch)
);
CREATE INDEX metrics_by_day ON metrics (tenant_id, day);

-- The sync status of a user's client: one row for the user's private space, which counts everything, and one for each
-- organization, which counts the sessions that are routed to it.
CREATE TABLE clients (
    tenant_id {text} NOT NULL,
    user_id {text} NOT NULL,
    client_id {text} NOT NULL,
    last_seen_at BIGINT NOT NULL,
    last_success_at BIGINT,
    sessions BIGINT NOT NULL,            -- first stored by it
    messages BIGINT NOT NULL,            -- first stored by it
    attempts BIGINT NOT NULL,            -- batches with errors since the last without
    stored_batches BIGINT NOT NULL DEFAULT 0, -- with a session that was stored; never lowered
    last_errors {text} NOT NULL,         -- JSON
    PRIMARY KEY (tenant_id, user_id, client_id)
);

-- The audit log, to which the program only appends. It is a tenant of its own, as the directory is. People and organizations
-- stand here by their ids.
CREATE TABLE audit (
    tenant_id {text} NOT NULL DEFAULT 'audit' CHECK (tenant_id = 'audit'),
    entry BIGINT NOT NULL,               -- SQLite: in the order of insertion
    at BIGINT NOT NULL,
    actor {text},
    action {text} NOT NULL,
    target {text} NOT NULL,
    address {text},
    outcome {text} NOT NULL,
    count BIGINT NOT NULL,
    hash {text},                         -- SQLite: SHA-256 of the entry and of the hash before it
    PRIMARY KEY (tenant_id, entry)
);
CREATE INDEX audit_in_order ON audit (tenant_id, at, entry);
