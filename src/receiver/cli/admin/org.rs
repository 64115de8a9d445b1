//! `admin org`: organizations.

use super::tenant;
use super::values::parse_yes_no;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{Store, TenantKind};
use argh::FromArgs;
use serde_json::json;

/// organizations
#[derive(FromArgs)]
#[argh(subcommand, name = "org")]
pub struct OrgArgs {
    #[argh(subcommand)]
    command: OrgCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum OrgCommand {
    Create(OrgCreateArgs),
    List(OrgListArgs),
    Rename(OrgRenameArgs),
    Set(OrgSetArgs),
    Remove(OrgRemoveArgs),
}

/// create an organization
#[derive(FromArgs)]
#[argh(subcommand, name = "create")]
struct OrgCreateArgs {
    #[argh(positional)]
    slug: String,
    /// name for people (the slug)
    #[argh(option)]
    name: Option<String>,
    /// owner of the organization's repositories, such as github.com/acme-corp; repeats
    #[argh(option)]
    owner: Vec<String>,
}

/// list organizations
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct OrgListArgs {}

/// change an organization's slug or name
#[derive(FromArgs)]
#[argh(subcommand, name = "rename")]
struct OrgRenameArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    to: String,
    /// new name for people
    #[argh(option)]
    name: Option<String>,
}

/// change a setting of an organization
#[derive(FromArgs)]
#[argh(subcommand, name = "set")]
struct OrgSetArgs {
    #[argh(positional)]
    slug: String,
    /// right of members to delete their own sessions: yes or no (yes)
    #[argh(option)]
    members_may_forget: Option<String>,
}

/// remove an organization with all its data
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct OrgRemoveArgs {
    #[argh(positional)]
    slug: String,
    /// confirm the removal
    #[argh(switch)]
    yes: bool,
}

impl OrgArgs {
    /// True for `create`.
    pub fn creates(&self) -> bool {
        matches!(self.command, OrgCommand::Create(_))
    }
}

/// Runs `admin org`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: OrgArgs) -> Result<(), CliError> {
    let kind = TenantKind::Organization;
    match arguments.command {
        OrgCommand::Create(OrgCreateArgs { slug, name, owner }) => {
            let name = name.unwrap_or_else(|| slug.clone());
            let id = store.create_organization(&slug, &name, &owner).await?;
            let json = json!({"id": id, "slug": slug, "name": name, "owners": owner});
            output.print(&json, &format!("created the organization {slug}"))
        }
        OrgCommand::List(_) => tenant::list(store, output, kind).await,
        OrgCommand::Rename(OrgRenameArgs { slug, to, name }) => {
            store.rename(kind, &slug, &to, name.as_deref()).await?;
            output.print(&json!({"slug": to}), &format!("{slug} is now {to}"))
        }
        OrgCommand::Set(OrgSetArgs { slug, members_may_forget }) => {
            let Some(answer) = members_may_forget else {
                let message = "name the setting: --members-may-forget yes, or no".to_owned();
                return Err(CliError::Usage(message));
            };
            let may_forget = parse_yes_no("--members-may-forget", &answer)?;
            store.set_members_may_forget(&slug, may_forget).await?;
            let verb = if may_forget { "may" } else { "may not" };
            let json = json!({"slug": slug, "membersMayForget": may_forget});
            output.print(&json, &format!("members of {slug} {verb} delete their own sessions"))
        }
        OrgCommand::Remove(OrgRemoveArgs { slug, yes }) => {
            tenant::remove(store, output, kind, &slug, yes).await
        }
    }
}
