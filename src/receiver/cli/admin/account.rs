//! `admin account`: accounts that are a user's own, such as `github.com/alice`.

use super::tenant;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{Store, TenantKind};
use argh::FromArgs;

/// a user's own accounts
#[derive(FromArgs)]
#[argh(subcommand, name = "account")]
pub struct AccountArgs {
    #[argh(subcommand)]
    command: AccountCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum AccountCommand {
    Add(AccountAddArgs),
    Remove(AccountRemoveArgs),
    List(AccountListArgs),
}

/// add an account, such as github.com/alice
#[derive(FromArgs)]
#[argh(subcommand, name = "add")]
struct AccountAddArgs {
    #[argh(positional)]
    login: String,
    #[argh(positional)]
    account: String,
}

/// remove an account
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct AccountRemoveArgs {
    #[argh(positional)]
    login: String,
    #[argh(positional)]
    account: String,
}

/// list a user's accounts
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct AccountListArgs {
    #[argh(positional)]
    login: String,
}

/// Runs `admin account`, and prints the accounts that the user has then.
pub async fn run(store: &Store, output: &ResultOutput, arguments: AccountArgs) -> Result<(), CliError> {
    let kind = TenantKind::User;
    let login = match arguments.command {
        AccountCommand::Add(AccountAddArgs { login, account }) => {
            store.add_owner(kind, &login, &account).await?;
            login
        }
        AccountCommand::Remove(AccountRemoveArgs { login, account }) => {
            store.remove_owner(kind, &login, &account).await?;
            login
        }
        AccountCommand::List(AccountListArgs { login }) => login,
    };
    tenant::print_owners(store, output, kind, &login).await
}
