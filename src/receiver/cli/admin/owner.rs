//! `admin owner`: owners of an organization's repositories.

use super::tenant;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{Store, TenantKind};
use argh::FromArgs;

/// owners of an organization's repositories
#[derive(FromArgs)]
#[argh(subcommand, name = "owner")]
pub struct OwnerArgs {
    #[argh(subcommand)]
    command: OwnerCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum OwnerCommand {
    Add(OwnerAddArgs),
    Remove(OwnerRemoveArgs),
    List(OwnerListArgs),
}

/// add an owner, such as github.com/acme-corp
#[derive(FromArgs)]
#[argh(subcommand, name = "add")]
struct OwnerAddArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    owner: String,
}

/// remove an owner
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct OwnerRemoveArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    owner: String,
}

/// list an organization's owners
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct OwnerListArgs {
    #[argh(positional)]
    slug: String,
}

/// Runs `admin owner`, and prints the owners that the organization has then.
pub async fn run(store: &Store, output: &ResultOutput, arguments: OwnerArgs) -> Result<(), CliError> {
    let kind = TenantKind::Organization;
    let slug = match arguments.command {
        OwnerCommand::Add(OwnerAddArgs { slug, owner }) => {
            store.add_owner(kind, &slug, &owner).await?;
            slug
        }
        OwnerCommand::Remove(OwnerRemoveArgs { slug, owner }) => {
            store.remove_owner(kind, &slug, &owner).await?;
            slug
        }
        OwnerCommand::List(OwnerListArgs { slug }) => slug,
    };
    tenant::print_owners(store, output, kind, &slug).await
}
