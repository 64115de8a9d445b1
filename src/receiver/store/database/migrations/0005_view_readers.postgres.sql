-- Only an operator's transaction says who reads views.
ALTER TABLE view_readers ENABLE ROW LEVEL SECURITY;
ALTER TABLE view_readers FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON view_readers TO han_sync_operator;
CREATE POLICY operator ON view_readers TO han_sync_operator USING (true);
