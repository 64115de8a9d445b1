-- Sign-in through a provider (OpenID Connect): accounts there, and memberships that come from its groups.

-- The user of an account at a provider, which is known by the provider's issuer and the account's subject.
CREATE TABLE provider_accounts (
    tenant_id {text} NOT NULL DEFAULT 'directory' CHECK (tenant_id = 'directory'),
    issuer {text} NOT NULL,
    subject {text} NOT NULL,
    user_id {text} NOT NULL,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject)
);
CREATE INDEX provider_accounts_by_user ON provider_accounts (tenant_id, user_id);

ALTER TABLE tenants ADD COLUMN oidc_group {text};        -- of an organization: the group whose people are its members
ALTER TABLE tenants ADD COLUMN oidc_admin_group {text};  -- the group whose people are its admins
ALTER TABLE tenants ADD COLUMN left_groups_at BIGINT;    -- of a user: all memberships came from groups, and the last has ended
ALTER TABLE members ADD COLUMN group_role {text};        -- the role that a group gives; null where none does
ALTER TABLE members ADD COLUMN assigned_role {text};     -- beside it: the role that an operator gave; null where none did
