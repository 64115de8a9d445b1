//! `admin key`: API keys.

use super::values::parse_duration;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{KeyInfo, Store};
use argh::FromArgs;
use serde_json::json;

/// API keys
#[derive(FromArgs)]
#[argh(subcommand, name = "key")]
pub struct KeyArgs {
    #[argh(subcommand)]
    command: KeyCommand,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum KeyCommand {
    Create(KeyCreateArgs),
    List(KeyListArgs),
    Revoke(KeyRevokeArgs),
}

/// create a key and print it, this once
#[derive(FromArgs)]
#[argh(subcommand, name = "create")]
struct KeyCreateArgs {
    #[argh(positional)]
    login: String,
    /// purpose of the key
    #[argh(option, default = "String::new()")]
    label: String,
    /// lifetime: 90d, 12h (unlimited)
    #[argh(option)]
    expires: Option<String>,
}

/// list keys
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct KeyListArgs {
    #[argh(positional)]
    login: Option<String>,
}

/// revoke a key at once
#[derive(FromArgs)]
#[argh(subcommand, name = "revoke")]
struct KeyRevokeArgs {
    /// id of the key, or the prefix that `list` shows
    #[argh(positional)]
    key: String,
}

/// Runs `admin key`.
pub async fn run(store: &Store, output: &ResultOutput, arguments: KeyArgs) -> Result<(), CliError> {
    match arguments.command {
        KeyCommand::Create(KeyCreateArgs { login, label, expires }) => {
            let lifetime_us = expires.as_deref().map(parse_duration).transpose()?;
            let key = store.create_key(&login, &label, lifetime_us).await?;
            output.print(&key, &key.key)
        }
        KeyCommand::List(KeyListArgs { login }) => {
            let keys = store.keys(login.as_deref()).await?;
            output.print_table(&keys, columns)
        }
        KeyCommand::Revoke(KeyRevokeArgs { key }) => {
            let id = store.revoke_key(&key).await?;
            output.print(&json!({"revoked": id}), &format!("revoked {id}"))
        }
    }
}

fn columns(key: &KeyInfo) -> [String; 6] {
    let validity = match (&key.revoked_at, &key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("expires {at}"),
        (None, None) => "valid".to_owned(),
    };
    let last_used = key.last_used_at.as_deref().unwrap_or("never");
    [
        key.id.clone(),
        key.login.clone(),
        format!("{}…", key.prefix),
        validity,
        format!("used {last_used}"),
        key.label.clone(),
    ]
}
