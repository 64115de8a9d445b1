//! The database roles under which transactions run.
//!
//! Invariants: the roles of a new database have names of its own, because roles belong to the whole server and the owner of
//! another database there could otherwise take them; a store whose roles cannot be taken is not opened.

use super::statement::{row, rows, store_error};
use crate::receiver::store::database::role::DbRole;
use crate::receiver::store::error::{Result, StoreError};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Names of the roles of one database.
#[derive(Debug, Clone)]
pub struct RoleNames {
    directory: String,
    request: String,
    operator: String,
    /// Owner of the views for dashboards.
    views: String,
    /// True if there are such views. Without them their owner is not needed.
    has_views: bool,
}

/// True if the views for dashboards are there, and read this store's tables.
const SELECT_HAS_VIEWS: &str = "\
    SELECT count(DISTINCT v.oid) = 2 FROM pg_catalog.pg_class v JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace \
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid \
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid \
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = to_regclass('metrics') \
    WHERE n.nspname = 'han_team' AND v.relname IN ('daily', 'sessions')";

/// The policies of the table `tenants` are named after the roles that they are for, so that a database that was restored, or
/// whose roles were created under other names, keeps its roles.
const SELECT_ROLES: &str = "\
    SELECT policyname::text, roles[1]::text FROM pg_catalog.pg_policies \
    WHERE schemaname = current_schema() AND tablename = 'tenants'";
const SELECT_DATABASE: &str = "SELECT oid::int8, datname::text, current_user::text FROM pg_catalog.pg_database WHERE datname = current_database()";
/// Roles with powers beyond a database that this user is, or is a member of. A superuser counts as a member of every role.
const SELECT_POWERS: &str = "\
    SELECT me.rolname::text, r.rolname::text, r.oid = 10 FROM pg_catalog.pg_roles me JOIN pg_catalog.pg_roles r \
    ON r.oid = me.oid OR (NOT me.rolsuper AND pg_has_role(me.oid, r.oid, 'MEMBER')) \
    WHERE me.rolname = current_user AND (r.rolsuper OR r.rolcreaterole) ORDER BY r.oid <> me.oid, r.rolname";
/// The database, and the statements that give its schema and tables to another user.
const SELECT_TRANSFER: &str = "\
    SELECT current_database()::text, string_agg(format('ALTER TABLE %I OWNER TO han_sync;', c.relname), ' ' ORDER BY c.relname) \
    FROM pg_catalog.pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
    AND (c.relname = 'migrations' OR EXISTS (SELECT FROM pg_catalog.pg_policies p \
    WHERE p.schemaname = current_schema() AND p.tablename = c.relname AND p.policyname = 'operator'))";
/// User that the documentation creates.
const OWN_USER: &str = "han_sync";
const ROLE_EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)";

impl RoleNames {
    /// The roles of the connected database: those of its policies, or new names.
    pub async fn of(client: &Client) -> Result<RoleNames> {
        let found = row(client, SELECT_DATABASE, &[]).await?;
        let id: i64 = found.get(0);
        let mut names = RoleNames {
            directory: format!("han_sync_directory_{id}"),
            request: format!("han_sync_request_{id}"),
            operator: format!("han_sync_operator_{id}"),
            views: format!("han_sync_views_{id}"),
            has_views: has_views(client).await?,
        };
        for row in rows(client, SELECT_ROLES, &[]).await? {
            let role: String = row.get(1);
            match row.get(0) {
                "directory" => names.directory = role,
                "request" => names.request = role,
                "operator" => names.operator = role,
                "views" => names.views = role,
                _ => {}
            }
        }
        Ok(names)
    }

    /// The same roles with the owner of views, which are about to be made.
    pub fn with_views(&self) -> RoleNames {
        RoleNames { has_views: true, ..self.clone() }
    }

    /// Name of the owner of views.
    pub fn views(&self) -> &str {
        &self.views
    }

    /// Name of a role, quoted.
    pub fn quoted(&self, role: DbRole) -> String {
        quoted(match role {
            DbRole::Directory => &self.directory,
            DbRole::Request => &self.request,
            DbRole::Operator => &self.operator,
        })
    }

    /// Replaces the names in a migration, which is written for `han_sync_directory`, `…_request` and `…_operator`.
    pub fn render(&self, sql: &str) -> String {
        sql.replace("han_sync_directory", &self.directory)
            .replace("han_sync_request", &self.request)
            .replace("han_sync_operator", &self.operator)
    }

    /// As [`RoleNames::render`], with quoted names, for SQL in which they stand as identifiers alone.
    pub fn render_quoted(&self, sql: &str) -> String {
        sql.replace("han_sync_directory", &quoted(&self.directory))
            .replace("han_sync_request", &quoted(&self.request))
            .replace("han_sync_operator", &quoted(&self.operator))
            .replace("han_sync_views", &quoted(&self.views))
    }

    /// The roles that this store needs.
    pub fn all(&self) -> Vec<&str> {
        let mut all = vec![&*self.directory, &*self.request, &*self.operator];
        all.extend(self.has_views.then_some(&*self.views));
        all
    }

    /// The roles under which the coordinator of a cluster connects to its workers. The directory stays on the coordinator.
    pub fn of_workers(&self) -> [&str; 2] {
        [&self.request, &self.operator]
    }

    /// The roles that this store needs, quoted and with commas between them.
    fn list(&self) -> String {
        self.all().into_iter().map(quoted).collect::<Vec<_>>().join(", ")
    }

    /// Creates the roles that are missing, and makes sure that this user can take each of them. Runs inside a transaction,
    /// which an error aborts.
    pub async fn ensure(&self, client: &Client) -> Result<()> {
        for name in self.all() {
            let exists = row(client, ROLE_EXISTS, &[(&name, Type::TEXT)]).await?;
            let role = quoted(name);
            if !exists.get::<_, bool>(0)
                && !attempt(client, &format!("CREATE ROLE {role} {ATTRIBUTES}")).await?
            {
                return Err(self.unavailable(client).await?);
            }
            let take = format!("SET LOCAL ROLE {role}; RESET ROLE");
            let grant = format!("GRANT {role} TO CURRENT_USER; {take}");
            if !attempt(client, &take).await? && !attempt(client, &grant).await? {
                return Err(self.unavailable(client).await?);
            }
        }
        Ok(())
    }

    /// Warns of powers of this user that reach beyond the database, with the SQL that takes them away. None of them is needed.
    pub async fn warn_of_powers(&self, client: &Client) -> Result<()> {
        let powers = rows(client, SELECT_POWERS, &[]).await?;
        let Some(first) = powers.first() else { return Ok(()) };
        let user: String = first.get(0);
        let roles = self.list();
        let mut statements = Vec::new();
        for row in &powers {
            let (role, is_bootstrap): (String, bool) = (row.get(1), row.get(2));
            statements.push(match is_bootstrap {
                // PostgreSQL does not take it from the user that it was installed with.
                true if role == user => self.transfer(client).await?,
                _ if role == user => {
                    let user = quoted(&user);
                    format!("ALTER ROLE {user} NOSUPERUSER NOCREATEROLE; GRANT {roles} TO {user};")
                }
                _ => format!("REVOKE {} FROM {};", quoted(&role), quoted(&user)),
            });
        }
        tracing::warn!(
            "the store's user {user} is a superuser or may create roles, itself or as a member of such a role, so that whoever \
             has the store's URL has the whole server: run this as a superuser: {}",
            statements.join(" ")
        );
        Ok(())
    }

    /// The statements that give the store to a user of its own.
    async fn transfer(&self, client: &Client) -> Result<String> {
        let found = row(client, SELECT_TRANSFER, &[]).await?;
        let (database, tables): (String, String) = (found.get(0), found.get(1));
        Ok(format!(
            "CREATE ROLE {OWN_USER} LOGIN PASSWORD 'choose one'; GRANT {} TO {OWN_USER}; ALTER DATABASE {} OWNER TO {OWN_USER}; \
             {tables} ALTER FUNCTION prune_audit(BIGINT) OWNER TO {OWN_USER}; ALTER POLICY retention ON audit TO {OWN_USER}; and name {OWN_USER} in the store's URL",
            self.list(),
            quoted(&database)
        ))
    }

    /// The error that says what an administrator has to run.
    async fn unavailable(&self, client: &Client) -> Result<StoreError> {
        let found = row(client, SELECT_DATABASE, &[]).await?;
        let (database, user): (String, String) = (found.get(1), found.get(2));
        let mut statements = Vec::new();
        for name in self.all() {
            let exists = row(client, ROLE_EXISTS, &[(&name, Type::TEXT)]).await?;
            if !exists.get::<_, bool>(0) {
                statements.push(format!("CREATE ROLE {} {ATTRIBUTES};", quoted(name)));
            }
        }
        statements.push(format!("GRANT {} TO {};", self.list(), quoted(&user)));
        Ok(StoreError::Unusable(format!(
            "the user {user} cannot take the roles of the database {database}: run this as a superuser of its server, then start \
             again: {}",
            statements.join(" ")
        )))
    }
}

const ATTRIBUTES: &str = "NOLOGIN NOINHERIT NOBYPASSRLS";

/// True if the store has views for dashboards.
pub async fn has_views(client: &Client) -> Result<bool> {
    Ok(row(client, SELECT_HAS_VIEWS, &[]).await?.get(0))
}

/// Runs statements in a savepoint. Returns false if they are not permitted, and undoes them.
pub async fn attempt(client: &Client, statements: &str) -> Result<bool> {
    let run = async |sql: &str| client.batch_execute(sql).await;
    run("SAVEPOINT roles").await.map_err(|error| store_error(&error))?;
    let done = run(statements).await;
    let end = if done.is_ok() { "RELEASE SAVEPOINT roles" } else { "ROLLBACK TO SAVEPOINT roles" };
    run(end).await.map_err(|error| store_error(&error))?;
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.as_db_error().is_some() => Ok(false),
        Err(error) => Err(store_error(&error)),
    }
}

/// Quotes an identifier of SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
