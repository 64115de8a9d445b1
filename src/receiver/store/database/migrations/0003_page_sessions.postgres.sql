-- Authentication begins, looks up and ends sign-ins to the page.
ALTER TABLE page_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE page_sessions FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, DELETE ON page_sessions TO han_sync_directory;
CREATE POLICY directory ON page_sessions TO han_sync_directory USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON page_sessions TO han_sync_operator;
CREATE POLICY operator ON page_sessions TO han_sync_operator USING (true);
