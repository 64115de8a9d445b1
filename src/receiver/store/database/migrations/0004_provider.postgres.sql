-- Only an operator's transaction links accounts.
ALTER TABLE provider_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE provider_accounts FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON provider_accounts TO han_sync_operator;
CREATE POLICY operator ON provider_accounts TO han_sync_operator USING (true);
