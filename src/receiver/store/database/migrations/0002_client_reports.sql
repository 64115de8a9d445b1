-- A client's last report of itself.

ALTER TABLE clients ADD COLUMN version {text};
ALTER TABLE clients ADD COLUMN os {text};
ALTER TABLE clients ADD COLUMN pending_sessions BIGINT; -- in whatever tenant they belong to
ALTER TABLE clients ADD COLUMN pending_messages BIGINT;
ALTER TABLE clients ADD COLUMN pending_since BIGINT;
ALTER TABLE clients ADD COLUMN conditions {text} NOT NULL DEFAULT '[]'; -- JSON
