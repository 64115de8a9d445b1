//! `admin`: the commands of an operator, one file for each noun.

/// Values of arguments.
mod values;

/// Operations that organizations and users share.
mod tenant;

/// `admin org`.
mod org;

/// `admin user`.
mod user;

/// `admin member`.
mod member;

/// `admin owner`.
mod owner;

/// `admin account`.
mod account;

/// `admin reader`.
mod reader;

/// `admin key`.
mod key;

/// `admin device`.
mod device;

/// `admin session` and `admin prune`.
mod session;

/// `admin rollout`.
mod rollout;

/// `admin check`, `admin distribute`, `admin backup` and `admin restore`.
mod store;

/// `admin audit`.
mod audit;

/// `admin export` and `admin erase`.
mod person;

use super::exit::CliError;
use super::options::GlobalOptions;
use super::output::ResultOutput;
use crate::receiver::store::MissingStore;
use argh::FromArgs;
use store::{backup, check, distribute};

/// manage organizations, users, members, owners, accounts, keys, devices and stored sessions; check, distribute, back up and restore the store
#[derive(FromArgs)]
#[argh(subcommand, name = "admin")]
pub struct AdminArgs {
    #[argh(subcommand)]
    command: AdminCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum AdminCommand {
    Org(org::OrgArgs),
    User(user::UserArgs),
    Member(member::MemberArgs),
    Owner(owner::OwnerArgs),
    Account(account::AccountArgs),
    Reader(reader::ReaderArgs),
    Key(key::KeyArgs),
    Device(device::DeviceArgs),
    Session(session::SessionAdminArgs),
    Prune(session::PruneArgs),
    Rollout(rollout::RolloutArgs),
    Check(check::CheckArgs),
    Distribute(distribute::DistributeArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Audit(audit::AuditArgs),
    Export(person::ExportArgs),
    Erase(person::EraseArgs),
}

impl AdminCommand {
    /// Treatment of a store that is not there: besides a restore only the command that begins a set-up creates it.
    fn missing_store(&self) -> MissingStore {
        match self {
            AdminCommand::Org(arguments) if arguments.creates() => MissingStore::Create,
            _ => MissingStore::Reject,
        }
    }
}

/// Runs one command on the store.
pub async fn run(arguments: AdminArgs, options: &GlobalOptions) -> Result<(), CliError> {
    let output = ResultOutput::new(options.json);
    let command = arguments.command;
    let missing = command.missing_store();
    let open = async || options.open_store(missing).await;
    match command {
        AdminCommand::Org(arguments) => org::run(&open().await?, &output, arguments).await,
        AdminCommand::User(arguments) => user::run(&open().await?, &output, arguments).await,
        AdminCommand::Member(arguments) => member::run(&open().await?, &output, arguments).await,
        AdminCommand::Owner(arguments) => owner::run(&open().await?, &output, arguments).await,
        AdminCommand::Account(arguments) => account::run(&open().await?, &output, arguments).await,
        AdminCommand::Reader(arguments) => reader::run(&open().await?, &output, arguments).await,
        AdminCommand::Key(arguments) => key::run(&open().await?, &output, arguments).await,
        AdminCommand::Device(arguments) => device::run(&open().await?, &output, arguments).await,
        AdminCommand::Session(arguments) => session::run(&open().await?, &output, arguments).await,
        AdminCommand::Prune(arguments) => session::prune(&open().await?, &output, arguments).await,
        AdminCommand::Rollout(arguments) => rollout::run(&open().await?, &output, arguments).await,
        AdminCommand::Check(arguments) => check::run(&open().await?, &output, arguments).await,
        AdminCommand::Distribute(arguments) => distribute::run(&open().await?, &output, arguments).await,
        AdminCommand::Backup(arguments) => backup::back_up(&open().await?, &output, arguments).await,
        // The backup is checked before the store is opened.
        AdminCommand::Restore(arguments) => backup::restore(options, &output, arguments).await,
        AdminCommand::Audit(arguments) => audit::run(&open().await?, &output, arguments).await,
        AdminCommand::Export(arguments) => person::export(&open().await?, arguments).await,
        AdminCommand::Erase(arguments) => person::erase(&open().await?, &output, arguments).await,
    }
}
