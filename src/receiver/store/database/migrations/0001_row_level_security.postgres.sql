-- Row-level security, in addition to the checks of the program. Migrations run as the owner of the database; every
-- transaction of the receiver runs under one of three roles, and a request sets its tenant and user for the transaction.
-- The program has created the roles, and replaces their names here by those of this database:
--   han_sync_directory  authentication: sees the directory, no sessions
--   han_sync_request    acts in the tenant han.tenant as the user han.user; han.visibility is 'own' or 'all'
--   han_sync_operator   the operator's commands: sees everything
-- It is forced: even the owner of the tables sees nothing without one of these roles.

DO $$
DECLARE
    role TEXT;
BEGIN
    FOREACH role IN ARRAY ARRAY['han_sync_directory', 'han_sync_request', 'han_sync_operator'] LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
    END LOOP;
END
$$;

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'directory', 'owners', 'members', 'api_keys', 'device_codes', 'session_locations', 'sessions', 'messages',
                                'tasks', 'usages', 'metrics', 'clients', 'readiness'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO han_sync_operator', name);
        EXECUTE format('CREATE POLICY operator ON %I TO han_sync_operator USING (true)', name);
    END LOOP;

    FOREACH name IN ARRAY ARRAY['tenants', 'directory', 'owners', 'members', 'api_keys'] LOOP
        EXECUTE format('GRANT SELECT ON %I TO han_sync_directory', name);
        EXECUTE format('CREATE POLICY directory ON %I FOR SELECT TO han_sync_directory USING (true)', name);
    END LOOP;

    -- Rows of a user inside a tenant: that user reads and writes them; a request with visibility 'all' reads them.
    FOREACH name IN ARRAY ARRAY['sessions', 'messages', 'tasks', 'usages', 'clients'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO han_sync_request', name);
        EXECUTE format(
            'CREATE POLICY request_reads ON %I FOR SELECT TO han_sync_request USING ('
            '  tenant_id = (SELECT current_setting(''han.tenant'', true))'
            '  AND (user_id = (SELECT current_setting(''han.user'', true))'
            '       OR (SELECT current_setting(''han.visibility'', true)) = ''all''))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['sessions', 'messages', 'tasks', 'usages', 'clients', 'metrics'] LOOP
        EXECUTE format(
            'CREATE POLICY request_inserts ON %I FOR INSERT TO han_sync_request WITH CHECK ('
            '  tenant_id = (SELECT current_setting(''han.tenant'', true))'
            '  AND user_id = (SELECT current_setting(''han.user'', true)))', name);
        EXECUTE format(
            'CREATE POLICY request_updates ON %I FOR UPDATE TO han_sync_request USING ('
            '  tenant_id = (SELECT current_setting(''han.tenant'', true))'
            '  AND user_id = (SELECT current_setting(''han.user'', true)))', name);
    END LOOP;
END
$$;

-- The clients of a user that were not seen for longest give way to others.
GRANT DELETE ON clients TO han_sync_request;
CREATE POLICY request_deletes ON clients FOR DELETE TO han_sync_request
    USING (tenant_id = (SELECT current_setting('han.tenant', true)) AND user_id = (SELECT current_setting('han.user', true)));

GRANT SELECT, INSERT, UPDATE ON readiness TO han_sync_directory;
CREATE POLICY directory ON readiness TO han_sync_directory USING (true);

GRANT UPDATE (last_used_at) ON api_keys TO han_sync_directory;
CREATE POLICY directory_records_use ON api_keys FOR UPDATE TO han_sync_directory USING (true);

-- Machines that wait for a key. Only an operator's transaction approves one.
GRANT SELECT, INSERT, DELETE, UPDATE (polled_at) ON device_codes TO han_sync_directory;
CREATE POLICY directory_reads ON device_codes FOR SELECT TO han_sync_directory USING (true);
CREATE POLICY directory_begins ON device_codes FOR INSERT TO han_sync_directory
    WITH CHECK (approved_user IS NULL AND NOT is_denied);
CREATE POLICY directory_records_polls ON device_codes FOR UPDATE TO han_sync_directory USING (true);
CREATE POLICY directory_deletes_expired ON device_codes FOR DELETE TO han_sync_directory USING (true);

-- The sums of an organization: every member may add them up. The program leaves the other persons out.
GRANT SELECT, INSERT, UPDATE ON metrics TO han_sync_request;
CREATE POLICY request_reads ON metrics FOR SELECT TO han_sync_request
    USING (tenant_id = (SELECT current_setting('han.tenant', true)));

-- A user may forget sessions of their own, with all rows and sums.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['sessions', 'messages', 'tasks', 'usages', 'metrics'] LOOP
        EXECUTE format('GRANT DELETE ON %I TO han_sync_request', name);
        EXECUTE format(
            'CREATE POLICY request_deletes ON %I FOR DELETE TO han_sync_request USING ('
            '  tenant_id = (SELECT current_setting(''han.tenant'', true))'
            '  AND user_id = (SELECT current_setting(''han.user'', true)))', name);
    END LOOP;
END
$$;

-- Session locations and tombstones belong to the user's private space. Only an operator moves or deletes one.
GRANT SELECT, INSERT, UPDATE ON session_locations TO han_sync_request;
CREATE POLICY request_reads ON session_locations FOR SELECT TO han_sync_request
    USING (tenant_id = (SELECT current_setting('han.user', true)));
CREATE POLICY request_inserts ON session_locations FOR INSERT TO han_sync_request
    WITH CHECK (tenant_id = (SELECT current_setting('han.user', true)));
CREATE POLICY request_updates ON session_locations FOR UPDATE TO han_sync_request
    USING (tenant_id = (SELECT current_setting('han.user', true)));

-- The user's own memberships, and the tenants that the user has by them.
GRANT SELECT ON tenants, members TO han_sync_request;
CREATE POLICY request ON members FOR SELECT TO han_sync_request
    USING (user_id = (SELECT current_setting('han.user', true)));
CREATE POLICY request ON tenants FOR SELECT TO han_sync_request
    USING (tenant_id IN ((SELECT current_setting('han.tenant', true)), (SELECT current_setting('han.user', true)))
        OR tenant_id IN (SELECT tenant_id FROM members WHERE user_id = (SELECT current_setting('han.user', true))));

-- The audit log: every role appends, an operator reads, and nobody changes or deletes. Old entries go by one function, which
-- runs as the owner of the table and takes none that is younger than 30 days.
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
GRANT INSERT ON audit TO han_sync_directory, han_sync_request, han_sync_operator;
CREATE POLICY append ON audit FOR INSERT TO han_sync_directory, han_sync_request, han_sync_operator WITH CHECK (true);
GRANT SELECT ON audit TO han_sync_operator;
CREATE POLICY operator ON audit FOR SELECT TO han_sync_operator USING (true);
CREATE POLICY retention ON audit TO CURRENT_USER USING (true);
CREATE FUNCTION prune_audit(before BIGINT) RETURNS BIGINT LANGUAGE sql SECURITY DEFINER AS $$
    WITH gone AS (
        DELETE FROM audit WHERE tenant_id = 'audit'
        AND at < least(before, (extract(epoch FROM now()) * 1000000)::bigint - 30 * 86400000000) RETURNING entry
    )
    SELECT count(*) FROM gone
$$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION prune_audit(BIGINT) SET search_path = %I', current_schema());
END
$$;
REVOKE ALL ON FUNCTION prune_audit(BIGINT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_audit(BIGINT) TO han_sync_operator;
