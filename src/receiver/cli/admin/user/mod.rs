//! `admin user`: users.

/// The list of `admin user import`.
mod import_list;

use super::tenant;
use super::values::parse_role;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{Store, TenantKind};
use argh::FromArgs;
use serde_json::json;

/// users
#[derive(FromArgs)]
#[argh(subcommand, name = "user")]
pub struct UserArgs {
    #[argh(subcommand)]
    command: UserCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum UserCommand {
    Create(UserCreateArgs),
    List(UserListArgs),
    Rename(UserRenameArgs),
    Remove(UserRemoveArgs),
    Unlink(UserUnlinkArgs),
    Import(UserImportArgs),
}

/// create a user
#[derive(FromArgs)]
#[argh(subcommand, name = "create")]
struct UserCreateArgs {
    #[argh(positional)]
    login: String,
    /// organization to be a member of; repeats
    #[argh(option)]
    org: Vec<String>,
    /// account of the user, such as github.com/alice; repeats
    #[argh(option)]
    account: Vec<String>,
    /// role in those organizations: member or admin (member)
    #[argh(option, default = "String::from(\"member\")")]
    role: String,
}

/// list users
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct UserListArgs {}

/// change a user's login
#[derive(FromArgs)]
#[argh(subcommand, name = "rename")]
struct UserRenameArgs {
    #[argh(positional)]
    login: String,
    #[argh(positional)]
    to: String,
}

/// remove a user with all their data
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct UserRemoveArgs {
    #[argh(positional)]
    login: String,
    /// confirm the removal
    #[argh(switch)]
    yes: bool,
}

/// unlink a user's account at the provider of sign-ins, so that another one can be linked
#[derive(FromArgs)]
#[argh(subcommand, name = "unlink")]
struct UserUnlinkArgs {
    #[argh(positional)]
    login: String,
}

/// import users, memberships, accounts and keys from a list, all or none
#[derive(FromArgs)]
#[argh(subcommand, name = "import")]
struct UserImportArgs {
    /// file with a JSON object in each line (login, organizations, role, accounts, key); `-` for stdin
    #[argh(positional)]
    file: String,
}

/// Runs `admin user`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: UserArgs) -> Result<(), CliError> {
    let kind = TenantKind::User;
    match arguments.command {
        UserCommand::Create(UserCreateArgs { login, org, account, role }) => {
            let id = store.create_user(&login, &org, &account, parse_role(&role)?).await?;
            let json = json!({"id": id, "login": login, "organizations": org, "accounts": account});
            output.print(&json, &format!("created the user {login}"))
        }
        UserCommand::List(_) => tenant::list(store, output, kind).await,
        UserCommand::Rename(UserRenameArgs { login, to }) => {
            store.rename(kind, &login, &to, None).await?;
            output.print(&json!({"login": to}), &format!("{login} is now {to}"))
        }
        UserCommand::Remove(UserRemoveArgs { login, yes }) => {
            tenant::remove(store, output, kind, &login, yes).await
        }
        UserCommand::Unlink(UserUnlinkArgs { login }) => {
            store.unlink_provider_account(&login).await?;
            output.print(
                &json!({"unlinked": login}),
                &format!("{login} has no account at the provider any longer"),
            )
        }
        UserCommand::Import(UserImportArgs { file }) => {
            let users = import_list::read(&file)?;
            output.print_table(&store.import_users(&users).await?, import_list::columns)
        }
    }
}
