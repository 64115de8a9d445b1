//! `admin session` and `admin prune`: what an operator does to what is stored.

use super::Failure;
use super::admin::{Out, parse_span};
use crate::receiver::store::{SessionFilter, Store, StoreError};
use crate::receiver::time;
use argh::FromArgs;
use serde_json::json;
use std::io::Write;

/// what is stored: list, export, move, forget, prune; also as `sessions`
#[derive(FromArgs)]
#[argh(subcommand, name = "session")]
pub struct Session {
    #[argh(subcommand)]
    action: Action,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Action {
    List(List),
    Export(Export),
    Move(Move),
    Forget(Forget),
    Prune(Prune),
}

/// list sessions
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct List {
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
struct Export {
    /// only this one (all)
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
struct Move {
    #[argh(positional)]
    id: String,
    /// whose session it is
    #[argh(option)]
    user: String,
    /// the organization to move it to
    #[argh(option)]
    to: Option<String>,
    /// move it to the user's private space
    #[argh(switch)]
    private: bool,
}

/// delete a user's session and keep it from coming again
#[derive(FromArgs)]
#[argh(subcommand, name = "forget")]
struct Forget {
    #[argh(positional)]
    id: String,
    /// whose session it is
    #[argh(option)]
    user: String,
}

/// delete messages and tasks older than a span; sums stay
#[derive(FromArgs)]
#[argh(subcommand, name = "prune")]
pub struct Prune {
    /// such as 400d
    #[argh(option)]
    older_than: String,
    /// only in this organization
    #[argh(option)]
    org: Option<String>,
}

pub async fn run(store: &Store, out: &Out, session: Session) -> Result<(), Failure> {
    match session.action {
        Action::List(list) => {
            let sessions = store
                .list_sessions(&SessionFilter { id: None, organization: list.org, login: list.user })
                .await?;
            let lines = sessions.iter().map(|session| {
                format!(
                    "{}\t{}\t{}\t{}\t{} messages",
                    session.organization.as_deref().unwrap_or("(private)"),
                    session.login.as_deref().unwrap_or("?"),
                    session.id,
                    session.repository,
                    session.messages,
                )
            });
            out.print(&sessions, &lines.collect::<Vec<_>>().join("\n"))
        }
        Action::Export(export) => {
            let filter = SessionFilter { id: export.id, organization: export.org, login: export.user };
            let mut stdout = std::io::stdout().lock();
            let write = |session| {
                serde_json::to_writer(&mut stdout, &session)
                    .map_err(std::io::Error::from)
                    .and_then(|()| stdout.write_all(b"\n"))
                    .map_err(|error| {
                        StoreError::Unavailable(format!("the export cannot be written: {error}"))
                    })
            };
            Ok(store.export_sessions(&filter, write).await?)
        }
        Action::Move(to) => {
            let organization = match (&to.to, to.private) {
                (Some(slug), false) => Some(slug.as_str()),
                (None, true) => None,
                _ => return Err(Failure::Usage("say either --to SLUG or --private".to_owned())),
            };
            store.move_session(&to.user, &to.id, organization, time::now_us()).await?;
            let place = organization.unwrap_or("the private space");
            out.print(&json!({"moved": to.id, "to": organization}), &format!("moved {} to {place}", to.id))
        }
        Action::Prune(this) => prune(store, out, this).await,
        Action::Forget(forget) => {
            store.forget_session(&forget.user, &forget.id, time::now_us()).await?;
            out.print(&json!({"forgotten": forget.id}), &format!("forgot {}", forget.id))
        }
    }
}

pub async fn prune(store: &Store, out: &Out, prune: Prune) -> Result<(), Failure> {
    let span = parse_span(&prune.older_than)?;
    let pruned = store.prune(span, prune.org.as_deref(), time::now_us()).await?;
    let text = format!(
        "kept since {}: deleted {} messages, {} tasks and {} sessions in {} tenants",
        pruned.retained_since, pruned.messages, pruned.tasks, pruned.sessions, pruned.tenants
    );
    out.print(&pruned, &text)
}
