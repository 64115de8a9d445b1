//! `admin export` and `admin erase`: all that is held of a user.

use super::values::write_json_line;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::Store;
use argh::FromArgs;

/// print all that is held of a user: a manifest, then one JSON object a line
#[derive(FromArgs)]
#[argh(subcommand, name = "export")]
pub struct ExportArgs {
    /// login of the user
    #[argh(option)]
    user: String,
}

/// erase a user: sums stay without a name, the audit log knows the user by id alone
#[derive(FromArgs)]
#[argh(subcommand, name = "erase")]
pub struct EraseArgs {
    /// login of the user
    #[argh(option)]
    user: String,
    /// confirm the erasure
    #[argh(switch)]
    yes: bool,
}

/// Runs `admin export`.
pub async fn export(store: &Store, arguments: ExportArgs) -> Result<(), CliError> {
    Ok(store.export_user(&arguments.user, |line| write_json_line(&line)).await?)
}

/// Runs `admin erase`.
pub async fn erase(store: &Store, output: &ResultOutput, arguments: EraseArgs) -> Result<(), CliError> {
    let EraseArgs { user, yes } = arguments;
    if !yes {
        return Err(CliError::Usage(format!(
            "this deletes all that is held of {user}, see admin export --user {user}: repeat the command with --yes"
        )));
    }
    let erased = store.erase_user(&user).await?;
    let text = format!(
        "erased {user} ({}): {} sessions and {} messages; what stays: {} sums of organizations, without a name, and {} \
         entries of the audit log, by id",
        erased.erased, erased.sessions, erased.messages, erased.sums_kept, erased.audit_entries_kept
    );
    output.print(&erased, &text)
}
