//! The servers of a cluster, and what a store needs of them.

use super::super::roles::{RoleNames, attempt, has_views, quoted};
use super::super::statement::{row, rows};
use crate::receiver::store::error::{Result, StoreError};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// True if the database has the extension.
const SELECT_HAS_CITUS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus')";
/// Servers that take shards.
const SELECT_WORKERS: &str = "\
    SELECT nodename || ':' || nodeport FROM pg_dist_node WHERE noderole = 'primary' AND isactive AND shouldhaveshards ORDER BY nodeid";
/// Servers that take shards and do not answer the coordinator.
const SELECT_SILENT: &str = "\
    SELECT nodename || ':' || nodeport FROM pg_dist_node WHERE noderole = 'primary' AND isactive AND shouldhaveshards \
    AND NOT coalesce(citus_check_connection_to_node(nodename, nodeport), false) ORDER BY nodeid";
/// Servers that do not do what `$1` says, each with its answer.
const SELECT_FAILED: &str = "\
    SELECT n.nodename || ':' || n.nodeport, coalesce(a.result, '') FROM run_command_on_all_nodes($1) a \
    JOIN pg_dist_node n ON n.nodeid = a.nodeid WHERE NOT a.success OR a.result IS DISTINCT FROM $2 ORDER BY n.nodeid";
const COUNT_LOGINS: &str = "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolcanlogin AND rolname IN";

/// True if the database has the extension that distributes tables.
pub async fn has_citus(client: &Client) -> Result<bool> {
    Ok(row(client, SELECT_HAS_CITUS, &[]).await?.get(0))
}

/// Rejects a cluster, where views for dashboards are to be made: a worker knows neither their owner nor their reader.
pub async fn require_one_server(client: &Client) -> Result<()> {
    if has_citus(client).await? {
        return Err(StoreError::refused(
            "views for dashboards need a store on one server, and the database of this one has Citus: use the page, its CSV or GraphQL",
        ));
    }
    Ok(())
}

/// Servers that take shards, as `host:port`.
pub async fn workers(client: &Client) -> Result<Vec<String>> {
    Ok(rows(client, SELECT_WORKERS, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Servers that take shards and do not answer, as `host:port`.
pub async fn silent_workers(client: &Client) -> Result<Vec<String>> {
    Ok(rows(client, SELECT_SILENT, &[]).await?.iter().map(|row| row.get(0)).collect())
}

/// Rejects a database whose tables cannot be distributed, and lets the roles of requests and of operators log in on every server,
/// since the coordinator connects to a worker as the role of the transaction.
pub async fn prepare(client: &Client, names: &RoleNames) -> Result<()> {
    if !has_citus(client).await? {
        return Err(StoreError::refused(
            "the store's database has no Citus: install it on every server of the cluster, add it to shared_preload_libraries, run \
             CREATE EXTENSION citus; in this database on each of them, and on the coordinator \
             SELECT citus_set_coordinator_host('COORDINATOR', 5432); SELECT citus_add_node('WORKER', 5432); for each worker",
        ));
    }
    if workers(client).await?.is_empty() {
        return Err(StoreError::refused(
            "the cluster has no worker: run SELECT citus_add_node('WORKER', 5432); on the coordinator for each of them",
        ));
    }
    if has_views(client).await? {
        return Err(StoreError::refused(
            "the store has views for dashboards, whose owner reads no distributed table: run this as the owner of the store's tables, then \
             try again: DROP VIEW han_team.daily, han_team.sessions; DROP POLICY views ON metrics; DROP POLICY views ON sessions;",
        ));
    }
    require_prepared_transactions(client).await?;
    for role in names.of_workers() {
        // Where this is not permitted, [`require_logins`] says what to run.
        attempt(client, &format!("ALTER ROLE {} LOGIN", quoted(role))).await?;
    }
    Ok(())
}

async fn require_prepared_transactions(client: &Client) -> Result<()> {
    let sql = "SELECT current_setting('max_prepared_transactions')::integer > 0";
    let failed = failed(client, sql, "t").await?;
    match failed.first() {
        None => Ok(()),
        Some((server, answer)) if answer == "f" => Err(StoreError::refused(format!(
            "the server {server} commits nothing together with others: set max_prepared_transactions to its max_connections or more, \
             restart it, and try again"
        ))),
        Some((server, answer)) => Err(unusable(server, answer)),
    }
}

/// Rejects a cluster on which the roles of requests and of operators cannot log in. Comes after the transaction of [`prepare`],
/// which the servers do not see until it is committed.
pub async fn require_logins(client: &Client, names: &RoleNames) -> Result<()> {
    let on_workers = names.of_workers();
    let list: Vec<String> = on_workers.iter().map(|role| format!("'{}'", role.replace('\'', "''"))).collect();
    let sql = format!("{COUNT_LOGINS} ({})", list.join(", "));
    let failed = failed(client, &sql, &on_workers.len().to_string()).await?;
    let Some((server, answer)) = failed.first() else { return Ok(()) };
    if answer.parse::<i64>().is_err() {
        return Err(unusable(server, answer));
    }
    let statements: Vec<String> =
        on_workers.iter().map(|role| format!("ALTER ROLE {} LOGIN;", quoted(role))).collect();
    Err(StoreError::refused(format!(
        "the roles of requests and operators cannot log in on {server}, as whom the coordinator connects to the workers: create those that \
         are missing there (CREATE ROLE … NOINHERIT NOBYPASSRLS), let them in by pg_hba.conf, run this as a superuser of the coordinator, \
         and try again: {}",
        statements.join(" ")
    )))
}

/// Servers of the cluster on which a query does not return `expected`, each with what it said.
pub async fn failed(client: &Client, query: &str, expected: &str) -> Result<Vec<(String, String)>> {
    let found = rows(client, SELECT_FAILED, &[(&query, Type::TEXT), (&expected, Type::TEXT)]).await?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn unusable(server: &str, answer: &str) -> StoreError {
    StoreError::Unavailable(format!("the server {server} of the cluster: {answer}"))
}
