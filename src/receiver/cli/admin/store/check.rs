//! `admin check`: the store against a recount of its rows.

use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{Store, StoreCheck, StoreError, StoreFault};
use argh::FromArgs;

/// compare digests, message counts and sums with a recount of the stored rows, and check the integrity of the store
#[derive(FromArgs)]
#[argh(subcommand, name = "check")]
pub struct CheckArgs {
    /// set right what is counted wrong
    #[argh(switch)]
    repair: bool,
}

/// Runs `admin check`. Differences that are left are an error.
pub async fn run(store: &Store, output: &ResultOutput, arguments: CheckArgs) -> Result<(), CliError> {
    let check = store.check(arguments.repair).await?;
    output.print(&check, &text(&check))?;
    let unrepaired = check.faults.iter().filter(|fault| !fault.repaired);
    let is_repairable = |fault: &StoreFault| matches!(fault.kind, "digest" | "sums");
    let next = match unrepaired.clone().any(is_repairable) && !arguments.repair {
        true => "; run admin check --repair",
        false => "",
    };
    match unrepaired.count() {
        0 => Ok(()),
        count => Err(StoreError::refused(format!("{count} differences in the store{next}")).into()),
    }
}

fn text(check: &StoreCheck) -> String {
    let mut lines: Vec<String> = check.faults.iter().map(line).collect();
    let StoreCheck { sessions, messages, faults } = check;
    let repaired = faults.iter().filter(|fault| fault.repaired).count();
    lines.push(format!(
        "checked {sessions} sessions with {messages} messages: {} differences, {repaired} repaired",
        faults.len()
    ));
    lines.join("\n")
}

fn line(fault: &StoreFault) -> String {
    let tenant = fault.organization.as_deref().unwrap_or("(private)");
    let place = match (&fault.login, &fault.session) {
        (Some(login), Some(session)) => format!("{tenant}\t{login}\t{session}\t"),
        _ => String::new(),
    };
    let repaired = if fault.repaired { " (repaired)" } else { "" };
    format!("{place}{}: {}{repaired}", fault.kind, fault.message)
}
