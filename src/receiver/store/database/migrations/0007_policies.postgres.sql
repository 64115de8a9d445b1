-- Policies as plain comparisons with the settings of the transaction. A server evaluates such a comparison once for each statement
-- where it is an index condition, and an engine that distributes a table takes no subquery in its policies. The visibility is compared
-- by the function of an operator, because of the operator PostgreSQL would expect one row in 200 to pass, and read whole sessions.

DO $$
DECLARE
    name TEXT;
    in_tenant CONSTANT TEXT := 'tenant_id = current_setting(''han.tenant'', true)';
    of_user CONSTANT TEXT := 'user_id = current_setting(''han.user'', true)';
    sees_all CONSTANT TEXT := 'NOT textne(current_setting(''han.visibility'', true), ''all'')';
BEGIN
    FOREACH name IN ARRAY ARRAY['sessions', 'messages', 'tasks', 'usages', 'clients', 'metrics'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS request_reads ON %I', name);
        EXECUTE format('DROP POLICY IF EXISTS request_inserts ON %I', name);
        EXECUTE format('DROP POLICY IF EXISTS request_updates ON %I', name);
        EXECUTE format('DROP POLICY IF EXISTS request_deletes ON %I', name);
        EXECUTE format('CREATE POLICY request_reads ON %I FOR SELECT TO han_sync_request USING (%s)', name,
                       CASE name WHEN 'metrics' THEN in_tenant ELSE format('%s AND (%s OR %s)', in_tenant, of_user, sees_all) END);
        EXECUTE format('CREATE POLICY request_inserts ON %I FOR INSERT TO han_sync_request WITH CHECK (%s AND %s)', name, in_tenant, of_user);
        EXECUTE format('CREATE POLICY request_updates ON %I FOR UPDATE TO han_sync_request USING (%s AND %s)', name, in_tenant, of_user);
        EXECUTE format('CREATE POLICY request_deletes ON %I FOR DELETE TO han_sync_request USING (%s AND %s)', name, in_tenant, of_user);
    END LOOP;
END
$$;

-- Session locations are the user's, whatever the tenant of the transaction.
DROP POLICY IF EXISTS request_reads ON session_locations;
DROP POLICY IF EXISTS request_inserts ON session_locations;
DROP POLICY IF EXISTS request_updates ON session_locations;
CREATE POLICY request_reads ON session_locations FOR SELECT TO han_sync_request
    USING (tenant_id = current_setting('han.user', true));
CREATE POLICY request_inserts ON session_locations FOR INSERT TO han_sync_request
    WITH CHECK (tenant_id = current_setting('han.user', true));
CREATE POLICY request_updates ON session_locations FOR UPDATE TO han_sync_request
    USING (tenant_id = current_setting('han.user', true));

-- Of the directory, which stays on one server, a request sees its tenant, and the user's private space and memberships.
DROP POLICY IF EXISTS request ON members;
DROP POLICY IF EXISTS request ON tenants;
CREATE POLICY request ON members FOR SELECT TO han_sync_request
    USING (user_id = current_setting('han.user', true));
CREATE POLICY request ON tenants FOR SELECT TO han_sync_request
    USING (tenant_id = current_setting('han.tenant', true) OR tenant_id = current_setting('han.user', true)
        OR tenant_id IN (SELECT tenant_id FROM members WHERE user_id = current_setting('han.user', true)));
