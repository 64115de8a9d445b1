#!/bin/sh
# Creates the receiver's role and database at the first start of PostgreSQL, the three roles of its transactions and the
# owner of its views for dashboards: the receiver itself has no right to create roles.
set -eu

psql --set=ON_ERROR_STOP=1 --quiet --username="$POSTGRES_USER" --dbname=postgres \
    --set=user="${HAN_SYNC_DATABASE_USER:-han_sync}" --set=database="${HAN_SYNC_DATABASE:-han_team}" \
    --set=password="$(cat "$POSTGRES_PASSWORD_FILE")" <<'SQL'
CREATE ROLE :"user" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"user" ENCODING 'UTF8' TEMPLATE template0;
SELECT format('CREATE ROLE %1$I NOLOGIN NOINHERIT NOBYPASSRLS; GRANT %1$I TO %2$I;', 'han_sync_' || part || '_' || oid, :'user')
FROM pg_database, unnest(ARRAY['directory', 'request', 'operator', 'views']) AS part WHERE datname = :'database' \gexec
SQL
