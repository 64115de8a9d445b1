//! `admin distribute`: the store over the workers of a cluster.

use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{DistributedStore, Store, StoreError};
use argh::FromArgs;

/// Shards of each table unless the operator chooses: as many as a cluster can have workers without moving rows between shards.
const SHARDS_DEFAULT: u32 = 32;
/// More of them cost each statement over all tenants, and gain nothing.
const SHARDS_MAX: u32 = 1_024;

/// distribute the tables of a store on PostgreSQL with Citus over the workers of its cluster, by organization; goes on where it was cut off
#[derive(FromArgs)]
#[argh(subcommand, name = "distribute")]
pub struct DistributeArgs {
    /// shards of each table (32)
    #[argh(option, default = "SHARDS_DEFAULT")]
    shards: u32,

    /// slug of an organization that gets shards of its own, which can then be moved to a worker of its own; deliveries to the shard
    /// that it leaves wait meanwhile
    #[argh(option)]
    isolate: Option<String>,
}

/// Runs `admin distribute`. A shard without the access to its table is an error.
pub async fn run(store: &Store, output: &ResultOutput, arguments: DistributeArgs) -> Result<(), CliError> {
    let DistributeArgs { shards, isolate } = arguments;
    if !(1..=SHARDS_MAX).contains(&shards) {
        return Err(CliError::Usage(format!("--shards: {shards} is not between 1 and {SHARDS_MAX}")));
    }
    let distributed = store.distribute(shards, isolate.as_deref()).await?;
    output.print(&distributed, &text(&distributed))?;
    match distributed.faults.len() {
        0 => Ok(()),
        count => Err(StoreError::refused(format!("{count} shards are not secured as their table is")).into()),
    }
}

fn text(distributed: &DistributedStore) -> String {
    let DistributedStore { workers, shards, isolated_shard, tables, shards_secured, faults } = distributed;
    let mut lines: Vec<String> = tables
        .iter()
        .map(|table| match table.rows_moved {
            Some(rows) => {
                format!("{}: distributed into {} shards with {rows} rows", table.table, table.shards)
            }
            None => format!("{}: was distributed into {} shards before", table.table, table.shards),
        })
        .collect();
    lines.extend(isolated_shard.map(|shard| format!("the organization has shard {shard} for itself")));
    lines.extend(faults.iter().cloned());
    lines.push(format!(
        "the store has {shards} shards of each table on {}; {shards_secured} shards have the row-level security of their table",
        workers.join(", ")
    ));
    lines.join("\n")
}
