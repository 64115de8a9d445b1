//! `admin device`: machines that wait for a key after `han-sync login`.

use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{DeviceInfo, Store};
use argh::FromArgs;
use serde_json::json;

/// machines that wait for a key
#[derive(FromArgs)]
#[argh(subcommand, name = "device")]
pub struct DeviceArgs {
    #[argh(subcommand)]
    command: DeviceCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum DeviceCommand {
    List(DeviceListArgs),
    Approve(DeviceApproveArgs),
    Deny(DeviceDenyArgs),
}

/// list the machines that wait, without their codes
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct DeviceListArgs {}

/// give the machine with this code a key of a user
#[derive(FromArgs)]
#[argh(subcommand, name = "approve")]
struct DeviceApproveArgs {
    /// code that `han-sync login` shows; case and hyphen do not matter
    #[argh(positional)]
    code: String,
    /// login name of the user
    #[argh(option)]
    user: String,
}

/// refuse the machine with this code
#[derive(FromArgs)]
#[argh(subcommand, name = "deny")]
struct DeviceDenyArgs {
    /// code that `han-sync login` shows; case and hyphen do not matter
    #[argh(positional)]
    code: String,
}

/// Runs `admin device`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: DeviceArgs) -> Result<(), CliError> {
    match arguments.command {
        DeviceCommand::List(DeviceListArgs {}) => output.print_table(&store.devices().await?, columns),
        DeviceCommand::Approve(DeviceApproveArgs { code, user }) => {
            store.approve_device(&code, &user).await?;
            let text = format!("approved: the machine gets a key of {user} within seconds");
            output.print(&json!({"approved": code, "user": user}), &text)
        }
        DeviceCommand::Deny(DeviceDenyArgs { code }) => {
            store.deny_device(&code).await?;
            output.print(&json!({"denied": code}), "denied")
        }
    }
}

fn columns(device: &DeviceInfo) -> [String; 4] {
    let state = match &device.approved_for {
        Some(login) => format!("approved for {login}"),
        None => format!("waits until {}", device.expires_at),
    };
    [device.machine.clone(), device.address.clone(), device.requested_at.clone(), state]
}
