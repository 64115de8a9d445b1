-- Roles of PostgreSQL that read an organization's views for dashboards. SQLite has neither roles nor views.

CREATE TABLE view_readers (
    tenant_id {text} NOT NULL,           -- the organization
    reader {text} NOT NULL,              -- name of the role
    PRIMARY KEY (tenant_id, reader)
);
