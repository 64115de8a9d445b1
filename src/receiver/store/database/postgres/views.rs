//! Views for dashboards, and the right of roles to read them.
//!
//! Invariants: the views belong to a role of their own, which cannot log in and is subject to row-level security whoever owns the
//! tables, so that their conditions are not all that keeps organizations apart; a role that reads them reads nothing else.

use super::access::access_of_views;
use super::roles::{RoleNames, has_views, quoted};
use super::statement::{row, rows, store_error};
use crate::receiver::store::error::{Result, StoreError};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

const CREATE_VIEWS: &str = include_str!("../migrations/views.postgres.sql");
/// Owner of the schema of the views, if there is one; true if a view's name is taken; true if this user may create the schema.
const SELECT_PLACE: &str = "\
    SELECT (SELECT pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace WHERE nspname = 'han_team'), \
    EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = 'han_team' AND c.relname IN ('daily', 'sessions')), \
    has_database_privilege(current_database(), 'CREATE')";
/// True for a role that can read more than the views; true for one that can create what the receiver would use; true for one that
/// reads the views; this user.
const SELECT_READER: &str = "\
    SELECT r.rolsuper OR r.rolbypassrls OR EXISTS (SELECT FROM pg_catalog.pg_roles s \
    WHERE s.rolname::text = ANY ($2) AND pg_has_role(r.oid, s.oid, 'MEMBER')), \
    has_schema_privilege(r.oid, current_schema()::text, 'CREATE'), \
    EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a \
    WHERE n.nspname = 'han_team' AND c.relname = 'daily' AND a.grantee = r.oid), current_user::text \
    FROM pg_catalog.pg_roles r WHERE r.rolname::text = $1";

/// Rejects a role that is not there or could more than read the views, and creates the owner of the views where there are none.
/// Returns false if the role reads them already. The transaction is committed before [`grant`], so that statements that an error
/// of the latter prints find the owner.
pub async fn prepare(client: &Client, names: &RoleNames, schema: &str, reader: &str) -> Result<bool> {
    let names = names.with_views();
    let is_new = require_harmless(client, &names, schema, reader).await?;
    names.ensure(client).await?;
    Ok(is_new)
}

/// Lets a role read the views, and makes them where there are none.
pub async fn grant(client: &Client, names: &RoleNames, schema: &str, reader: &str) -> Result<()> {
    if !has_views(client).await? {
        create(client, names, schema).await?;
    }
    let reader = quoted(reader);
    let grants = format!(
        "GRANT USAGE ON SCHEMA han_team TO {reader}; GRANT SELECT ON han_team.daily, han_team.sessions TO {reader}"
    );
    run_as_owner(client, names, &grants).await
}

/// Ends the right of a role to read the views.
pub async fn revoke(client: &Client, names: &RoleNames, reader: &str) -> Result<()> {
    if find_reader(client, names, reader).await?.is_none() || !has_views(client).await? {
        return Ok(());
    }
    let reader = quoted(reader);
    let revokes = format!(
        "REVOKE ALL ON han_team.daily, han_team.sessions FROM {reader}; REVOKE ALL ON SCHEMA han_team FROM {reader}"
    );
    run_as_owner(client, names, &revokes).await
}

async fn create(client: &Client, names: &RoleNames, schema: &str) -> Result<()> {
    let has_schema = require_place(client, names.views()).await?;
    if !has_schema {
        run(client, &format!("CREATE SCHEMA han_team AUTHORIZATION {}", quoted(names.views()))).await?;
    }
    run(client, &access_of_views(names, schema)).await?;
    run_as_owner(client, names, CREATE_VIEWS).await
}

/// Rejects a database in which the schema of the views cannot be made, or is another one. Returns true if it is there.
async fn require_place(client: &Client, owner: &str) -> Result<bool> {
    let place = row(client, SELECT_PLACE, &[]).await?;
    let (of_schema, is_taken, may_create): (Option<String>, bool, bool) =
        (place.get(0), place.get(1), place.get(2));
    let owner = quoted(owner);
    match of_schema {
        None if may_create => Ok(false),
        None => Err(StoreError::refused(format!(
            "the store's user may not create the schema han_team, in which the views are: run this as the database's owner, then \
             try again: CREATE SCHEMA han_team AUTHORIZATION {owner};"
        ))),
        Some(_) if is_taken => Err(StoreError::refused(
            "the schema han_team has a table or view daily or sessions that does not read this store's tables: drop or rename it, \
             then try again",
        )),
        Some(current) if quoted(&current) != owner => Err(StoreError::refused(format!(
            "the schema han_team, in which the views are, belongs to {current}: rename it, or run this as that role, then try \
             again: ALTER SCHEMA han_team OWNER TO {owner};"
        ))),
        Some(_) => Ok(true),
    }
}

/// Rejects a role that is not there, or would not read the views alone. Returns true if it does not read them yet.
async fn require_harmless(client: &Client, names: &RoleNames, schema: &str, reader: &str) -> Result<bool> {
    let role = quoted(reader);
    let Some(found) = find_reader(client, names, reader).await? else {
        return Err(StoreError::refused(format!(
            "the server has no role {reader}: create it, then try again: CREATE ROLE {role} LOGIN PASSWORD 'choose one';"
        )));
    };
    let [reads_more, may_create, reads_views]: [bool; 3] = [0, 1, 2].map(|column| found.get(column));
    if reads_more {
        return Err(StoreError::refused(format!(
            "the role {reader} can read more than the views, as a superuser, past row-level security or as one of the receiver's \
             roles: create one for dashboards alone: CREATE ROLE dashboards LOGIN PASSWORD 'choose one';"
        )));
    }
    if may_create {
        let (schema, user) = (quoted(schema), quoted(found.get(3)));
        return Err(StoreError::refused(format!(
            "the role {reader} may create functions in the schema {schema}, which the receiver could then run: run this as the \
             schema's owner, then try again: GRANT CREATE ON SCHEMA {schema} TO {user}; \
             REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role};"
        )));
    }
    Ok(!reads_views)
}

/// The role that reads, or is to read, the views.
async fn find_reader(client: &Client, names: &RoleNames, reader: &str) -> Result<Option<Row>> {
    let roles = names.all();
    let params = [(&reader as _, Type::TEXT), (&roles as _, Type::TEXT_ARRAY)];
    Ok(rows(client, SELECT_READER, &params).await?.into_iter().next())
}

/// Runs statements as the owner of the views.
async fn run_as_owner(client: &Client, names: &RoleNames, statements: &str) -> Result<()> {
    let owner = quoted(names.views());
    run(client, &format!("SET LOCAL ROLE {owner}; {statements}; RESET ROLE")).await
}

async fn run(client: &Client, statements: &str) -> Result<()> {
    client.batch_execute(statements).await.map_err(|error| store_error(&error))
}
