//! `admin session` and `admin prune`: stored sessions.

use super::values::{parse_duration, write_json_line};
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{SessionConflict, SessionFilter, SessionInfo, Store};
use crate::receiver::time;
use argh::FromArgs;
use serde_json::json;

/// stored sessions: list, export, move, forget, prune; also as `sessions`
#[derive(FromArgs)]
#[argh(subcommand, name = "session")]
pub struct SessionAdminArgs {
    #[argh(subcommand)]
    command: SessionAdminCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum SessionAdminCommand {
    List(SessionListArgs),
    Export(SessionExportArgs),
    Move(SessionMoveArgs),
    Forget(SessionForgetArgs),
    Prune(PruneArgs),
}

/// list sessions
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct SessionListArgs {
    /// only this organization's
    #[argh(option)]
    org: Option<String>,
    /// only this user's
    #[argh(option)]
    user: Option<String>,
}

/// write whole sessions to stdout, one JSON object a line, as they are on the wire
#[derive(FromArgs)]
#[argh(subcommand, name = "export")]
struct SessionExportArgs {
    /// only this session (all)
    #[argh(positional)]
    id: Option<String>,
    /// only this organization's
    #[argh(option)]
    org: Option<String>,
    /// only this user's
    #[argh(option)]
    user: Option<String>,
}

/// move a user's session to another organization or to the user's private space
#[derive(FromArgs)]
#[argh(subcommand, name = "move")]
struct SessionMoveArgs {
    #[argh(positional)]
    id: String,
    /// login of the session's user
    #[argh(option)]
    user: String,
    /// organization to move the session to
    #[argh(option)]
    to: Option<String>,
    /// move the session to the user's private space
    #[argh(switch)]
    private: bool,
}

/// delete a user's session, leaving a tombstone that rejects it when it is sent again
#[derive(FromArgs)]
#[argh(subcommand, name = "forget")]
struct SessionForgetArgs {
    #[argh(positional)]
    id: String,
    /// login of the session's user
    #[argh(option)]
    user: String,
}

/// delete messages and tasks beyond an age; aggregates stay
#[derive(FromArgs)]
#[argh(subcommand, name = "prune")]
pub struct PruneArgs {
    /// age, such as 400d
    #[argh(option)]
    older_than: String,
    /// only in this organization
    #[argh(option)]
    org: Option<String>,
}

/// Runs `admin session`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: SessionAdminArgs) -> Result<(), CliError> {
    match arguments.command {
        SessionAdminCommand::List(SessionListArgs { org, user }) => {
            let filter = SessionFilter { id: None, organization: org, login: user };
            let sessions = store.list_sessions(&filter).await?;
            output.print_table(&sessions, columns)
        }
        SessionAdminCommand::Export(SessionExportArgs { id, org, user }) => {
            let filter = SessionFilter { id, organization: org, login: user };
            Ok(store.export_sessions(&filter, |session| write_json_line(&session)).await?)
        }
        SessionAdminCommand::Move(arguments) => move_session(store, output, arguments).await,
        SessionAdminCommand::Forget(SessionForgetArgs { id, user }) => {
            store.forget_session(&user, &id, time::now_us()).await?;
            output.print(&json!({"forgotten": id}), &format!("forgot {id}"))
        }
        SessionAdminCommand::Prune(arguments) => prune(store, output, arguments).await,
    }
}

/// Runs `admin prune`.
pub async fn prune(store: &Store, output: &ResultOutput, arguments: PruneArgs) -> Result<(), CliError> {
    let age_us = parse_duration(&arguments.older_than)?;
    let pruned = store.prune(age_us, arguments.org.as_deref(), time::now_us()).await?;
    let text = format!(
        "retained since {}: deleted {} messages, {} tasks and {} sessions in {} tenants",
        pruned.retained_since, pruned.messages, pruned.tasks, pruned.sessions, pruned.tenants
    );
    output.print(&pruned, &text)
}

async fn move_session(
    store: &Store,
    output: &ResultOutput,
    arguments: SessionMoveArgs,
) -> Result<(), CliError> {
    let SessionMoveArgs { id, user, to, private } = arguments;
    let organization = match (to, private) {
        (Some(slug), false) => Some(slug),
        (None, true) => None,
        _ => return Err(CliError::Usage("name the target: either --to SLUG or --private".to_owned())),
    };
    store.move_session(&user, &id, organization.as_deref(), time::now_us()).await?;
    let target = organization.as_deref().unwrap_or("the private space");
    output.print(&json!({"moved": id, "to": organization}), &format!("moved {id} to {target}"))
}

fn columns(session: &SessionInfo) -> [String; 6] {
    let conflicts = session.conflicts.iter();
    let conflicts = conflicts.map(|SessionConflict { login, command }| {
        format!("the same id was rejected for {login}: to free it, run `{command}`")
    });
    [
        session.organization.clone().unwrap_or_else(|| "(private)".to_owned()),
        session.login.clone().unwrap_or_else(|| "?".to_owned()),
        session.id.clone(),
        session.repository.clone(),
        format!("{} messages", session.messages),
        conflicts.collect::<Vec<_>>().join("; "),
    ]
}
