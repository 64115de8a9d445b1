//! `admin`: what an operator does to the directory and to what is stored.

use super::{Failure, Global, sessions};
use crate::receiver::store::{KeyInfo, Role, Store, StoreError, TenantInfo, TenantKind};
use crate::receiver::time;
use argh::FromArgs;
use serde::Serialize;
use serde_json::json;

/// manage organizations, users, members, owners and keys
#[derive(FromArgs)]
#[argh(subcommand, name = "admin")]
pub struct Admin {
    #[argh(subcommand)]
    what: What,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum What {
    Org(Org),
    User(User),
    Member(Member),
    Owner(OwnerOf),
    Account(AccountOf),
    Key(Key),
    Session(sessions::Session),
    Prune(sessions::Prune),
}

/// organizations
#[derive(FromArgs)]
#[argh(subcommand, name = "org")]
struct Org {
    #[argh(subcommand)]
    action: OrgAction,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum OrgAction {
    Create(OrgCreate),
    List(List),
    Rename(OrgRename),
    Remove(Remove),
}

/// create an organization
#[derive(FromArgs)]
#[argh(subcommand, name = "create")]
struct OrgCreate {
    #[argh(positional)]
    slug: String,
    /// its name (the slug)
    #[argh(option)]
    name: Option<String>,
    /// an owner of its repositories, such as github.com/acme-corp; repeats
    #[argh(option)]
    owner: Vec<String>,
}

/// list them
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct List {}

/// change an organization's slug or name
#[derive(FromArgs)]
#[argh(subcommand, name = "rename")]
struct OrgRename {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    to: String,
    /// its new name
    #[argh(option)]
    name: Option<String>,
}

/// remove it with everything that is stored in it
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct Remove {
    #[argh(positional)]
    named: String,
    /// really remove it
    #[argh(switch)]
    yes: bool,
}

/// users
#[derive(FromArgs)]
#[argh(subcommand, name = "user")]
struct User {
    #[argh(subcommand)]
    action: UserAction,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum UserAction {
    Create(UserCreate),
    List(List),
    Rename(UserRename),
    Remove(Remove),
}

/// create a user
#[derive(FromArgs)]
#[argh(subcommand, name = "create")]
struct UserCreate {
    #[argh(positional)]
    login: String,
    /// an organization to be a member of; repeats
    #[argh(option)]
    org: Vec<String>,
    /// an account of their own, such as github.com/alice; repeats
    #[argh(option)]
    account: Vec<String>,
    /// the role in those organizations: member or admin (member)
    #[argh(option, default = "String::from(\"member\")")]
    role: String,
}

/// change a user's login
#[derive(FromArgs)]
#[argh(subcommand, name = "rename")]
struct UserRename {
    #[argh(positional)]
    login: String,
    #[argh(positional)]
    to: String,
}

/// memberships and roles
#[derive(FromArgs)]
#[argh(subcommand, name = "member")]
struct Member {
    #[argh(subcommand)]
    action: MemberAction,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum MemberAction {
    Add(MemberAdd),
    Role(MemberRole),
    Remove(MemberRemove),
    List(MemberList),
}

/// make a user a member of an organization
#[derive(FromArgs)]
#[argh(subcommand, name = "add")]
struct MemberAdd {
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
struct MemberRole {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    login: String,
    #[argh(positional)]
    role: String,
}

/// end a membership; what the member sent stays
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct MemberRemove {
    #[argh(positional)]
    slug: String,
    #[argh(positional)]
    login: String,
}

/// list members
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct MemberList {
    #[argh(positional)]
    slug: Option<String>,
}

/// owners of an organization's repositories
#[derive(FromArgs)]
#[argh(subcommand, name = "owner")]
struct OwnerOf {
    #[argh(subcommand)]
    action: OwnerAction,
}

/// a user's own accounts
#[derive(FromArgs)]
#[argh(subcommand, name = "account")]
struct AccountOf {
    #[argh(subcommand)]
    action: OwnerAction,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum OwnerAction {
    Add(OwnerAdd),
    Remove(OwnerRemove),
    List(OwnerList),
}

/// add one, such as github.com/acme-corp
#[derive(FromArgs)]
#[argh(subcommand, name = "add")]
struct OwnerAdd {
    #[argh(positional)]
    named: String,
    #[argh(positional)]
    owner: String,
}

/// remove one
#[derive(FromArgs)]
#[argh(subcommand, name = "remove")]
struct OwnerRemove {
    #[argh(positional)]
    named: String,
    #[argh(positional)]
    owner: String,
}

/// list them
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct OwnerList {
    #[argh(positional)]
    named: String,
}

/// API keys
#[derive(FromArgs)]
#[argh(subcommand, name = "key")]
struct Key {
    #[argh(subcommand)]
    action: KeyAction,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum KeyAction {
    Create(KeyCreate),
    List(KeyList),
    Revoke(KeyRevoke),
}

/// make a key and print it, this once
#[derive(FromArgs)]
#[argh(subcommand, name = "create")]
struct KeyCreate {
    #[argh(positional)]
    login: String,
    /// what it is for
    #[argh(option, default = "String::new()")]
    label: String,
    /// how long it lasts: 90d, 12h (for ever)
    #[argh(option)]
    expires: Option<String>,
}

/// list keys
#[derive(FromArgs)]
#[argh(subcommand, name = "list")]
struct KeyList {
    #[argh(positional)]
    login: Option<String>,
}

/// revoke a key at once
#[derive(FromArgs)]
#[argh(subcommand, name = "revoke")]
struct KeyRevoke {
    /// its id, or the prefix that `list` shows
    #[argh(positional)]
    key: String,
}

pub async fn run(arguments: Admin, global: &Global) -> Result<(), Failure> {
    let store = global.open_store().await?;
    let out = Out { json: global.json };
    match arguments.what {
        What::Org(org) => organizations(&store, &out, org.action).await,
        What::User(user) => users(&store, &out, user.action).await,
        What::Member(member) => members(&store, &out, member.action).await,
        What::Owner(owner) => owners(&store, &out, TenantKind::Organization, owner.action).await,
        What::Account(account) => owners(&store, &out, TenantKind::User, account.action).await,
        What::Key(key) => keys(&store, &out, key.action).await,
        What::Session(session) => sessions::run(&store, &out, session).await,
        What::Prune(prune) => sessions::prune(&store, &out, prune).await,
    }
}

/// Where results go: lines for people, or one JSON document.
pub struct Out {
    json: bool,
}

impl Out {
    pub fn print(&self, json: &impl Serialize, text: &str) -> Result<(), Failure> {
        use std::io::Write;
        let text = if self.json {
            serde_json::to_string_pretty(json).map_err(|error| StoreError::Internal(error.to_string()))?
        } else {
            text.to_owned()
        };
        if text.is_empty() {
            return Ok(());
        }
        // The reader may have gone, as `head` does.
        let _ = writeln!(std::io::stdout(), "{text}");
        Ok(())
    }
}

async fn organizations(store: &Store, out: &Out, action: OrgAction) -> Result<(), Failure> {
    match action {
        OrgAction::Create(create) => {
            let name = create.name.unwrap_or_else(|| create.slug.clone());
            let id = store.create_organization(&create.slug, &name, &create.owner).await?;
            let json = json!({"id": id, "slug": create.slug, "name": name, "owners": create.owner});
            out.print(&json, &format!("created the organization {}", create.slug))
        }
        OrgAction::List(_) => list_tenants(store, out, TenantKind::Organization).await,
        OrgAction::Rename(rename) => {
            store.rename(TenantKind::Organization, &rename.slug, &rename.to, rename.name.as_deref()).await?;
            out.print(&json!({"slug": rename.to}), &format!("{} is now {}", rename.slug, rename.to))
        }
        OrgAction::Remove(remove) => remove_tenant(store, out, TenantKind::Organization, remove).await,
    }
}

async fn users(store: &Store, out: &Out, action: UserAction) -> Result<(), Failure> {
    match action {
        UserAction::Create(create) => {
            let role = parse_role(&create.role)?;
            let id = store.create_user(&create.login, &create.org, &create.account, role).await?;
            let json = json!({
                "id": id, "login": create.login, "organizations": create.org, "accounts": create.account,
            });
            out.print(&json, &format!("created the user {}", create.login))
        }
        UserAction::List(_) => list_tenants(store, out, TenantKind::User).await,
        UserAction::Rename(rename) => {
            store.rename(TenantKind::User, &rename.login, &rename.to, None).await?;
            out.print(&json!({"login": rename.to}), &format!("{} is now {}", rename.login, rename.to))
        }
        UserAction::Remove(remove) => remove_tenant(store, out, TenantKind::User, remove).await,
    }
}

async fn list_tenants(store: &Store, out: &Out, kind: TenantKind) -> Result<(), Failure> {
    let tenants = store.tenants(kind).await?;
    let line =
        |tenant: &TenantInfo| format!("{}\t{}\t{}", tenant.handle, tenant.name, tenant.owners.join(" "));
    out.print(&tenants, &tenants.iter().map(line).collect::<Vec<_>>().join("\n"))
}

async fn remove_tenant(store: &Store, out: &Out, kind: TenantKind, remove: Remove) -> Result<(), Failure> {
    if !remove.yes {
        return Err(Failure::Usage(format!(
            "this deletes everything stored for {}: say --yes",
            remove.named
        )));
    }
    store.remove(kind, &remove.named).await?;
    out.print(&json!({"removed": remove.named}), &format!("removed {}", remove.named))
}

async fn members(store: &Store, out: &Out, action: MemberAction) -> Result<(), Failure> {
    match action {
        MemberAction::Add(MemberAdd { slug, login, role })
        | MemberAction::Role(MemberRole { slug, login, role }) => {
            store.set_member(&slug, &login, parse_role(&role)?).await?;
            let json = json!({"organization": slug, "login": login, "role": role});
            out.print(&json, &format!("{login} is {role} of {slug}"))
        }
        MemberAction::Remove(remove) => {
            store.remove_member(&remove.slug, &remove.login).await?;
            let json = json!({"organization": remove.slug, "login": remove.login, "role": null});
            out.print(&json, &format!("{} is no member of {} any more", remove.login, remove.slug))
        }
        MemberAction::List(list) => {
            let members = store.members(list.slug.as_deref()).await?;
            let lines = members.iter().map(|m| format!("{}\t{}\t{}", m.organization, m.login, m.role));
            out.print(&members, &lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

async fn owners(store: &Store, out: &Out, kind: TenantKind, action: OwnerAction) -> Result<(), Failure> {
    let named = match action {
        OwnerAction::Add(add) => {
            store.add_owner(kind, &add.named, &add.owner).await?;
            add.named
        }
        OwnerAction::Remove(remove) => {
            store.remove_owner(kind, &remove.named, &remove.owner).await?;
            remove.named
        }
        OwnerAction::List(list) => list.named,
    };
    let tenant = store.tenants(kind).await?.into_iter().find(|tenant| tenant.handle == named);
    let Some(tenant) = tenant else {
        return Err(StoreError::refused(format!("there is no {named}")).into());
    };
    out.print(&tenant, &tenant.owners.join("\n"))
}

async fn keys(store: &Store, out: &Out, action: KeyAction) -> Result<(), Failure> {
    match action {
        KeyAction::Create(create) => {
            let expires = match &create.expires {
                None => None,
                Some(text) => Some(parse_span(text)?),
            };
            let key = store.create_key(&create.login, &create.label, expires).await?;
            out.print(&key, &key.key)
        }
        KeyAction::List(list) => {
            let keys = store.keys(list.login.as_deref()).await?;
            out.print(&keys, &keys.iter().map(key_line).collect::<Vec<_>>().join("\n"))
        }
        KeyAction::Revoke(revoke) => {
            let id = store.revoke_key(&revoke.key).await?;
            out.print(&json!({"revoked": id}), &format!("revoked {id}"))
        }
    }
}

fn key_line(key: &KeyInfo) -> String {
    let state = match (&key.revoked_at, &key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("expires {at}"),
        (None, None) => "valid".to_owned(),
    };
    let used = key.last_used_at.as_deref().unwrap_or("never");
    format!("{}\t{}\t{}…\t{state}\tused {used}\t{}", key.id, key.login, key.prefix, key.label)
}

fn parse_role(text: &str) -> Result<Role, Failure> {
    Role::parse(text).ok_or_else(|| Failure::Usage(format!("{text} is no role: member or admin")))
}

pub fn parse_span(text: &str) -> Result<i64, Failure> {
    time::parse_duration(text).ok_or_else(|| Failure::Usage(format!("{text} is no span such as 90d or 12h")))
}
