//! `admin rollout`: what an administrator pushes to all machines of an organization, so that nobody writes it by hand.
//!
//! Three parts: managed settings of Claude Code with the hooks, a `han.yml`, and two commands. None of them holds a key:
//! each machine gets one of its own by `han-sync login`.

use super::tenant;
use crate::agent_hooks::{HookEvents, PORTABLE_COMMAND};
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::{ResultOutput, warn};
use crate::receiver::http::PublicUrl;
use crate::receiver::store::{Store, TenantKind};
use argh::FromArgs;
use serde::Serialize;

/// Version of the JSON document.
const VERSION: u32 = 1;
/// URL in the place of one that is not known.
const EXAMPLE_URL: &str = "https://team.example.com";
const COMMANDS: [&str; 2] = ["han-sync login", "han-sync install --no-hook"];

/// print what to push to all machines of an organization: managed settings, han.yml, two commands
#[derive(FromArgs)]
#[argh(subcommand, name = "rollout")]
pub struct RolloutArgs {
    /// slug of the organization
    #[argh(option)]
    org: String,
    /// URL at which machines reach this receiver, such as `https://team.example.com`
    #[argh(option)]
    public_url: Option<String>,
}

/// The parts of a rollout.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RolloutDocument {
    version: u32,
    organization: String,
    endpoint: String,
    managed_settings: ManagedSettings,
    han_yml: String,
    commands: [&'static str; 2],
}

/// Settings of Claude Code that a machine's administrator sets.
#[derive(Serialize)]
struct ManagedSettings {
    hooks: HookEvents<'static>,
}

/// Prints the rollout of one organization.
pub async fn run(store: &Store, output: &ResultOutput, arguments: RolloutArgs) -> Result<(), CliError> {
    let RolloutArgs { org, public_url } = arguments;
    let url = public_url.as_deref().unwrap_or(EXAMPLE_URL);
    let endpoint = endpoint(url)?;
    let tenant = tenant::find(store, TenantKind::Organization, &org).await?;
    if public_url.is_none() {
        warn(&format!("{EXAMPLE_URL} is an example: name this receiver by --public-url"));
    }
    let document = RolloutDocument {
        version: VERSION,
        organization: org,
        han_yml: han_yml(&endpoint, &tenant.owners),
        endpoint,
        managed_settings: ManagedSettings { hooks: HookEvents::of(PORTABLE_COMMAND) },
        commands: COMMANDS,
    };
    output.print(&document, &text(&document)?)
}

/// The endpoint of exporters at a URL.
fn endpoint(url: &str) -> Result<String, CliError> {
    let parsed = PublicUrl::parse(url).filter(PublicUrl::is_private);
    parsed.map(|url| url.sync_endpoint()).ok_or_else(|| {
        CliError::Usage(format!(
            "--public-url {url} is not of the form https://HOST[/PATH]; http: is for loopback addresses alone"
        ))
    })
}

/// The `han.yml` of each user. Texts are JSON, which YAML includes.
fn han_yml(endpoint: &str, owners: &[String]) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut lines =
        vec!["sync:".to_owned(), "  enabled: true".to_owned(), format!("  endpoint: {}", quoted(endpoint))];
    if !owners.is_empty() {
        lines.push("  organizations:".to_owned());
        lines.extend(owners.iter().map(|owner| format!("    - {}", quoted(owner))));
    }
    lines.join("\n") + "\n"
}

/// The document for people; each part can be copied as it is.
fn text(document: &RolloutDocument) -> Result<String, CliError> {
    let settings = serde_json::to_string_pretty(&document.managed_settings)
        .map_err(|error| CliError::Internal(format!("the settings cannot be serialized: {error}")))?;
    Ok(format!(
        "# 1. Managed settings of Claude Code, merged into those that a machine has:\n\
         #    Linux: /etc/claude-code/managed-settings.json\n\
         #    macOS: /Library/Application Support/ClaudeCode/managed-settings.json\n\
         {settings}\n\n\
         # 2. ~/.claude/han.yml of each user:\n\
         {}\n\
         # 3. Two commands, as each user, with han-sync on the PATH:\n\
         {}",
        document.han_yml,
        document.commands.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_is_one_that_exporters_take() {
        for (url, expected) in [
            ("https://team.example.com", "https://team.example.com/api/sync"),
            ("https://team.example.com/han/", "https://team.example.com/han/api/sync"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787/api/sync"),
            ("http://localhost:8787", "http://localhost:8787/api/sync"),
            ("http://[::1]:8787", "http://[::1]:8787/api/sync"),
        ] {
            assert_eq!(endpoint(url).ok().as_deref(), Some(expected), "{url}");
        }
        for url in ["http://team.example.com", "http://127.0.0.1.example.com", "team.example.com", ""] {
            assert!(endpoint(url).is_err(), "{url}");
        }
    }
}
