//! `admin member`: memberships and roles.

use super::values::parse_role;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::Store;
use argh::FromArgs;
use serde_json::json;

/// memberships and roles
#[derive(FromArgs)]
#[argh(subcommand, name = "member")]
pub struct MemberArgs {
    #[argh(subcommand)]
    command: MemberCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum MemberCommand {
    Add(MemberAddArgs),
    Role(MemberRoleArgs),
    Remove(MemberRemoveArgs),
    List(MemberListArgs),
}

/// make a user a member of an organization
#[derive(FromArgs)]
#[argh(subcommand, name = "add")]
struct MemberAddArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    login: String,
    /// member or admin (member)
    #[argh(option, default = "String::from(\"member\")")]
    role: String,
}

/// change a member's role
#[derive(FromArgs)]
#[argh(subcommand, name = "role")]
struct MemberRoleArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    login: String,
    #[argh(positional)]
    role: String,
}

/// end a membership; the member's data stays
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct MemberRemoveArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    login: String,
}

/// list members
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct MemberListArgs {
    #[argh(positional)]
    slug: Option<String>,
}

/// Runs `admin member`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: MemberArgs) -> Result<(), CliError> {
    match arguments.command {
        MemberCommand::Add(MemberAddArgs { slug, login, role })
        | MemberCommand::Role(MemberRoleArgs { slug, login, role }) => {
            store.set_member(&slug, &login, parse_role(&role)?).await?;
            let json = json!({"organization": slug, "login": login, "role": role});
            output.print(&json, &format!("{login} is {role} of {slug}"))
        }
        MemberCommand::Remove(MemberRemoveArgs { slug, login }) => {
            store.remove_member(&slug, &login).await?;
            let json = json!({"organization": slug, "login": login, "role": null});
            output.print(&json, &format!("{login} is no longer a member of {slug}"))
        }
        MemberCommand::List(MemberListArgs { slug }) => {
            let members = store.members(slug.as_deref()).await?;
            output.print_table(&members, |member| {
                [member.organization.clone(), member.login.clone(), member.role.to_owned()]
            })
        }
    }
}
