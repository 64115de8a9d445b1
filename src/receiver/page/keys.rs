//! The viewer's keys, and the machines that ask for one.

use super::layout::{Layout, Notice, Tab};
use super::table::{Heading, Table, TableCell};
use crate::receiver::store::{DeviceInfo, KeyInfo, Principal};
use askama::Template;

/// Reason for which a member of a provider's group who has signed in with a key makes none.
pub const GROUP_MEMBERS_KEYS: &str = "\
    your membership comes from a group of your organization's sign-in: sign out, and sign in through it, to make a key or to \
    approve a machine";

/// The keys of the viewer.
#[derive(Template, Debug)]
#[template(path = "keys.html")]
pub struct KeysView {
    layout: Layout,
    notices: Vec<Notice>,
    pub tables: Vec<Table>,
    /// Longest lifetime of a key.
    days_max: i64,
    /// False for a member of a provider's group who has signed in with a key.
    may_make_keys: bool,
}

impl KeysView {
    /// The view of the keys; `notice` shows a key that was just made.
    pub fn new(
        principal: &Principal,
        token: String,
        keys: &[KeyInfo],
        days_max: i64,
        notice: Option<Notice>,
    ) -> KeysView {
        let row = |key: &KeyInfo| {
            let is_current = key.id == principal.key_id;
            let state = match (&key.revoked_at, is_current) {
                (Some(_), _) => TableCell::Badge { text: "revoked".to_owned(), class: "plain" },
                (None, true) => TableCell::Badge { text: "began this session".to_owned(), class: "good" },
                (None, false) => TableCell::None,
            };
            vec![
                TableCell::text(key.label.clone()),
                TableCell::Code(format!("{}…", key.prefix)),
                state,
                TableCell::time(Some(key.created_at.clone())),
                TableCell::time(key.expires_at.clone()),
                TableCell::time(key.last_used_at.clone()),
                match key.revoked_at {
                    Some(_) => TableCell::None,
                    None => TableCell::Button { text: "Revoke", action: format!("/keys/{}/revoke", key.id) },
                },
            ]
        };
        let table = Table {
            caption: "Your keys".to_owned(),
            columns: ["label", "key", "state", "made", "ends", "last used"]
                .map(Heading::text)
                .into_iter()
                .chain([Heading::action()])
                .collect(),
            rows: keys.iter().map(row).collect(),
            csv: Some("/keys.csv".to_owned()),
            ..Table::default()
        };
        KeysView {
            layout: Layout::of(principal, token, Tab::Keys, "Keys"),
            notices: notice.into_iter().collect(),
            tables: vec![table],
            days_max,
            may_make_keys: principal.may_make_keys,
        }
    }
}

/// The machine that waits with a code, or the form that takes a code.
#[derive(Template, Debug)]
#[template(path = "device.html")]
pub struct DeviceView {
    layout: Layout,
    notices: Vec<Notice>,
    code: String,
    device: Option<DeviceInfo>,
    login: String,
    /// False for a member of a provider's group who has signed in with a key.
    may_approve: bool,
}

/// Builds the view of a machine's code.
pub fn device_view(
    principal: &Principal,
    token: String,
    code: String,
    device: Option<DeviceInfo>,
    notice: Option<Notice>,
) -> DeviceView {
    DeviceView {
        layout: Layout::of(principal, token, Tab::Other, "Approve a machine"),
        notices: notice.into_iter().collect(),
        code,
        device,
        login: principal.login.clone(),
        may_approve: principal.may_make_keys,
    }
}
