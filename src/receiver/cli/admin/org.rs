//! `admin org`: organizations.

use super::tenant;
use crate::receiver::cli::environment::parse_yes_no;
use crate::receiver::cli::exit::CliError;
use crate::receiver::cli::output::ResultOutput;
use crate::receiver::store::{OrganizationSettings, Store, TenantKind};
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
    /// group of the provider whose people are members; empty for none
    #[argh(option)]
    oidc_group: Option<String>,
    /// group of the provider whose people are admins; empty for none
    #[argh(option)]
    oidc_admin_group: Option<String>,
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
        OrgCommand::Set(arguments) => set(store, output, &arguments).await,
        OrgCommand::Remove(OrgRemoveArgs { slug, yes }) => {
            tenant::remove(store, output, kind, &slug, yes).await
        }
    }
}

/// Runs `admin org set`: all settings that are named, or none.
async fn set(store: &Store, output: &ResultOutput, arguments: &OrgSetArgs) -> Result<(), CliError> {
    let OrgSetArgs { slug, members_may_forget, oidc_group, oidc_admin_group } = arguments;
    let answer = members_may_forget.as_deref();
    let settings = OrganizationSettings {
        members_may_forget: answer.map(|answer| parse_yes_no("--members-may-forget", answer)).transpose()?,
        oidc_group: oidc_group.clone(),
        oidc_admin_group: oidc_admin_group.clone(),
    };
    if settings == OrganizationSettings::default() {
        return Err(CliError::Usage(
            "name the setting: --members-may-forget yes or no, --oidc-group GROUP, --oidc-admin-group GROUP"
                .to_owned(),
        ));
    }
    store.set_organization(slug, &settings).await?;
    let mut json = json!({"slug": slug});
    let mut lines = Vec::new();
    if let Some(may_forget) = settings.members_may_forget {
        let verb = if may_forget { "may" } else { "may not" };
        json["membersMayForget"] = may_forget.into();
        lines.push(format!("members of {slug} {verb} delete their own sessions"));
    }
    for (member, group, role) in [
        ("oidcGroup", &settings.oidc_group, "members"),
        ("oidcAdminGroup", &settings.oidc_admin_group, "admins"),
    ] {
        let Some(group) = group else { continue };
        json[member] = Some(group.as_str()).filter(|group| !group.is_empty()).into();
        lines.push(match group.as_str() {
            "" => format!("no group of the provider gives {slug} {role}"),
            group => format!(
                "people of the provider's group {group} are {role} of {slug} from their next sign-in on"
            ),
        });
    }
    output.print(&json, &lines.join("\n"))
}
