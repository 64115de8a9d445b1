//! Row-level security on every shard of every worker.
//!
//! Invariant: the access to a shard is that to its table: forced row-level security, each policy whole, each grant. The access to
//! the table itself is compared with the list of what the store needs.

use super::super::statement::rows;
use super::tables::DISTRIBUTED_TABLES;
use crate::receiver::store::error::Result;
use std::collections::HashMap;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Access to each of the store's tables or shards on one server, as an object of texts by name.
const SELECT_ACCESS: &str = "\
    SELECT coalesce(json_object_agg(c.relname, json_build_array(c.relrowsecurity, c.relforcerowsecurity, \
    (SELECT json_agg(json_build_array(p.polname, p.polcmd, p.polpermissive, \
    (SELECT array_agg(coalesce(r.rolname, 'public') ORDER BY r.rolname) FROM unnest(p.polroles) AS u (id) \
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = u.id), \
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) ORDER BY p.polname) \
    FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid), \
    (SELECT json_agg(json_build_array(coalesce(g.rolname, 'public'), a.privilege_type) ORDER BY g.rolname, a.privilege_type) \
    FROM aclexplode(c.relacl) a LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee WHERE a.grantee <> c.relowner))::text), '{}')::text \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND n.nspname = ";
/// Shards, each with its table, its name and its server.
const SELECT_SHARDS: &str = "\
    SELECT c.relname::text, c.relname || '_' || s.shardid, n.nodeid, n.nodename || ':' || n.nodeport \
    FROM pg_dist_shard s JOIN pg_catalog.pg_class c ON c.oid = s.logicalrelid JOIN pg_dist_placement p USING (shardid) \
    JOIN pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary' \
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY ($1) ORDER BY n.nodeid, c.relname, s.shardid";
const SELECT_ANSWERS: &str = "SELECT nodeid, success, result FROM run_command_on_all_nodes($1)";

/// Access to the shards of one server, or the reason for which it is not known.
type ShardAccess = std::result::Result<HashMap<String, String>, String>;

/// A shard whose access is not that to its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFault {
    /// Name of the shard.
    pub shard: String,
    /// Name of the table, by whose statements the access to it comes back.
    pub table: String,
    /// Sentence for people.
    pub message: String,
}

/// Shards of all tables, and those whose access is not that to their table.
pub async fn check(client: &Client, schema: &str) -> Result<(usize, Vec<ShardFault>)> {
    let tables = DISTRIBUTED_TABLES.to_vec();
    let names = format!("({})(_[0-9]+)?", tables.join("|"));
    let query = format!("{SELECT_ACCESS}'{}' AND c.relname ~ '^{names}$'", schema.replace('\'', "''"));
    let of_tables = rows(client, &query, &[]).await?;
    let of_tables = of_tables.first().map(|row| parse(row.get(0))).unwrap_or_default();
    let mut answers: HashMap<i32, ShardAccess> = HashMap::new();
    for row in rows(client, SELECT_ANSWERS, &[(&query, Type::TEXT)]).await? {
        let text: Option<String> = row.get(2);
        let text = text.unwrap_or_default();
        answers.insert(row.get(0), if row.get(1) { Ok(parse(&text)) } else { Err(text) });
    }
    let shards = rows(client, SELECT_SHARDS, &[(&tables, Type::TEXT_ARRAY)]).await?;
    let mut faults = Vec::new();
    for row in &shards {
        let (table, shard, server): (String, String, String) = (row.get(0), row.get(1), row.get(3));
        let answer = answers.get(&row.get::<_, i32>(2));
        if let Some(message) = difference(&shard, &server, of_tables.get(&table), answer) {
            faults.push(ShardFault { shard, table, message });
        }
    }
    Ok((shards.len(), faults))
}

/// The sentence about a shard whose access is not that to its table.
fn difference(
    shard: &str,
    server: &str,
    of_table: Option<&String>,
    answer: Option<&ShardAccess>,
) -> Option<String> {
    let reason = match answer {
        Some(Ok(access)) => match access.get(shard) {
            Some(found) if Some(found) == of_table => return None,
            Some(_) => {
                "has not the row-level security, policies and grants of its table: run admin distribute, which brings them back"
            }
            None => "is missing there",
        },
        Some(Err(answer)) => {
            return Some(format!("the shard {shard} on {server} cannot be checked: {answer}"));
        }
        None => "cannot be checked, since the server does not answer",
    };
    Some(format!("the shard {shard} on {server} {reason}"))
}

fn parse(json: &str) -> HashMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}
