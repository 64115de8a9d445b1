//! `admin audit`: the audit log.

use super::values::parse_since;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{AuditRecord, Store, StoreError};
use argh::FromArgs;

/// show the audit log: keys, members, owners, deletions, exports, refused authentications
#[derive(FromArgs)]
#[argh(subcommand, name = "audit")]
pub struct AuditArgs {
    /// only entries since then: an age such as 7d, or a time such as 2026-01-31T00:00:00Z
    #[argh(option)]
    since: Option<String>,
    /// check that no entry was changed or removed (exit 65 if one was)
    #[argh(switch)]
    check: bool,
}

/// Runs `admin audit`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: AuditArgs) -> Result<(), CliError> {
    let since = arguments.since.as_deref().map(parse_since).transpose()?;
    if !arguments.check {
        let log = store.audit_log(since.unwrap_or(i64::MIN)).await?;
        return output.print_table(&log, columns);
    }
    let check = store.check_audit().await?;
    let last =
        check.last_hash.as_ref().map(|hash| format!(", the last with hash {hash}")).unwrap_or_default();
    let text = match check.faults.as_slice() {
        [] => format!("the audit log is whole: {} entries{last}", check.entries),
        faults => faults.join("\n"),
    };
    output.print(&check, &text)?;
    match check.faults.len() {
        0 => Ok(()),
        faults => Err(CliError::Store(StoreError::refused(format!(
            "the audit log has {faults} faults: restore it from a backup (admin backup), and find out who changed it"
        )))),
    }
}

fn columns(entry: &AuditRecord) -> [String; 6] {
    let count = if entry.count == 1 { String::new() } else { format!(" ({} times)", entry.count) };
    [
        entry.at.clone(),
        entry.actor.clone().unwrap_or_else(|| "unknown".to_owned()),
        entry.action.clone(),
        entry.target.clone(),
        entry.address.clone().unwrap_or_else(|| "-".to_owned()),
        format!("{}{count}", entry.outcome),
    ]
}
