-- Sign-ins to the page. The secret in the browser's cookie is stored as its SHA-256; a sign-in ends with the key that began it.

CREATE TABLE page_sessions (
    tenant_id {text} NOT NULL DEFAULT 'directory' CHECK (tenant_id = 'directory'),
    session_hash {text} NOT NULL,
    user_id {text} NOT NULL,
    key_id {text} NOT NULL,
    began_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, session_hash)
);
CREATE INDEX page_sessions_by_user ON page_sessions (tenant_id, user_id, began_at);
