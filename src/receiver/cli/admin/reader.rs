//! `admin reader`: roles of PostgreSQL that read an organization's views for dashboards.

use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::Store;
use argh::FromArgs;
use serde_json::json;

/// roles of PostgreSQL that read an organization's views for dashboards
#[derive(FromArgs)]
#[argh(subcommand, name = "reader")]
pub struct ReaderArgs {
    #[argh(subcommand)]
    command: ReaderCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum ReaderCommand {
    Add(ReaderAddArgs),
    Remove(ReaderRemoveArgs),
    List(ReaderListArgs),
}

/// let a role read the views of an organization
#[derive(FromArgs)]
#[argh(subcommand, name = "add")]
struct ReaderAddArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    role: String,
}

/// end a role's right to read the views of an organization
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct ReaderRemoveArgs {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    role: String,
}

/// list the roles that read views
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct ReaderListArgs {}

/// Runs `admin reader`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: ReaderArgs) -> Result<(), CliError> {
    match arguments.command {
        ReaderCommand::Add(ReaderAddArgs { slug, role }) => {
            store.add_view_reader(&slug, &role).await?;
            let json = json!({"organization": slug, "role": role});
            output.print(
                &json,
                &format!("{role} reads the rows of {slug} in han_team.daily and han_team.sessions"),
            )
        }
        ReaderCommand::Remove(ReaderRemoveArgs { slug, role }) => {
            store.remove_view_reader(&slug, &role).await?;
            let json = json!({"organization": slug, "removed": role});
            output.print(&json, &format!("{role} reads nothing of {slug} any longer"))
        }
        ReaderCommand::List(_) => {
            output.print_table(&store.view_readers().await?, |it| [it.organization.clone(), it.role.clone()])
        }
    }
}
