//! The frame of all views: title, navigation, the signed-in user, notices; and the view of an error.

use super::chart::{CHART_PLACE, Chart, ChartPlace};
use super::filter::ViewFilter;
use super::table::{Table, TableCell};
use crate::receiver::store::{Principal, Role};
use askama::Template;

/// View in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Overview,
    Sessions,
    Clients,
    Me,
    Keys,
    Members,
    Audit,
    /// A view that the navigation does not name.
    Other,
}

/// Views in the order of the navigation: name, path, and whether only an admin has it.
const TABS: [(Tab, &str, &str, bool); 7] = [
    (Tab::Overview, "Overview", "/", false),
    (Tab::Sessions, "Sessions", "/sessions", false),
    (Tab::Clients, "Clients", "/clients", false),
    (Tab::Me, "What others see of me", "/me", false),
    (Tab::Keys, "Keys", "/keys", false),
    (Tab::Members, "Members", "/members", true),
    (Tab::Audit, "Audit log", "/audit", true),
];

/// Link of the navigation.
#[derive(Debug)]
pub struct NavigationLink {
    pub name: &'static str,
    pub href: &'static str,
    pub is_current: bool,
}

/// The frame of a view.
#[derive(Debug, Default)]
pub struct Layout {
    pub title: String,
    pub navigation: Vec<NavigationLink>,
    /// Login of the signed-in user.
    pub login: Option<String>,
    /// Token of forms.
    pub token: String,
}

/// A sentence above a view's content.
#[derive(Debug)]
pub struct Notice {
    /// Class of its colour: `good`, `bad` or `plain`.
    pub class: &'static str,
    pub text: String,
    /// A command or secret to copy.
    pub code: Option<String>,
}

impl Notice {
    pub fn good(text: impl Into<String>) -> Notice {
        Notice { class: "good", text: text.into(), code: None }
    }

    pub fn bad(text: impl Into<String>) -> Notice {
        Notice { class: "bad", text: text.into(), code: None }
    }

    pub fn plain(text: impl Into<String>) -> Notice {
        Notice { class: "plain", text: text.into(), code: None }
    }

    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Notice {
        Notice { code: Some(code.into()), ..self }
    }
}

impl Layout {
    /// The frame for a signed-in user.
    pub fn of(principal: &Principal, token: String, tab: Tab, title: impl Into<String>) -> Layout {
        let is_admin = is_admin(principal);
        let shown = TABS.iter().filter(|(.., admin_only)| is_admin || !admin_only);
        Layout {
            title: title.into(),
            navigation: shown
                .map(|(own, name, href, _)| NavigationLink { name, href, is_current: *own == tab })
                .collect(),
            login: Some(principal.login.clone()),
            token,
        }
    }

    /// The frame for nobody.
    pub fn signed_out(title: impl Into<String>) -> Layout {
        Layout { title: title.into(), ..Layout::default() }
    }
}

/// True for an admin of an organization.
pub fn is_admin(principal: &Principal) -> bool {
    principal.memberships.iter().any(|membership| membership.role == Role::Admin)
}

/// Filters of sums and sessions.
pub const ALL_FILTERS: &[&str] =
    &["from", "to", "organization", "repository", "user", "branch", "pr", "model"];

/// Field of a filter form.
#[derive(Debug)]
pub struct FilterField {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: &'static str,
    pub value: String,
    /// Choices, where there are few.
    pub options: Vec<String>,
}

/// The filter form of a view.
#[derive(Debug)]
pub struct FilterForm {
    pub action: &'static str,
    pub fields: Vec<FilterField>,
    /// URL without filters, if there are any.
    pub reset: Option<&'static str>,
}

impl FilterForm {
    /// The form of a view with these filters. With `is_range` the view has a range of days even if the URL names none.
    pub fn of(
        action: &'static str,
        filter: &ViewFilter,
        principal: &Principal,
        (names, is_range): (&[&str], bool),
    ) -> FilterForm {
        let (from, to) = filter.range();
        let (from, to) = if is_range { (Some(from), Some(to)) } else { (filter.from, filter.to) };
        let day = |day: Option<i64>| day.map(crate::receiver::time::date).unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let slugs: Vec<String> =
            principal.memberships.iter().map(|membership| membership.slug.clone()).collect();
        let pr = filter.pr.map(|number| number.to_string()).unwrap_or_default();
        let field = |name, label, kind, value| FilterField { name, label, kind, value, options: Vec::new() };
        let organization = field("organization", "Organization", "select", text(&filter.organization));
        let fields = [
            field("from", "From", "date", day(from)),
            field("to", "To", "date", day(to)),
            FilterField { options: slugs, ..organization },
            field("repository", "Repository", "text", text(&filter.repository)),
            field("user", "User", "text", text(&filter.user)),
            field("branch", "Branch", "text", text(&filter.branch)),
            field("pr", "Pull request", "number", pr),
            field("model", "Model", "text", text(&filter.model)),
        ];
        let is_shown = |field: &FilterField| match field.name {
            "organization" => field.options.len() > 1,
            "user" => is_admin(principal),
            _ => true,
        };
        let fields = fields.into_iter().filter(|field| names.contains(&field.name) && is_shown(field));
        FilterForm { action, fields: fields.collect(), reset: filter.is_set().then_some(action) }
    }
}

/// Number in large type, with its name.
#[derive(Debug)]
pub struct Figure {
    pub name: &'static str,
    pub value: String,
    /// Exact value, or what the value leaves out.
    pub note: String,
}

/// A view of figures, charts and tables: most of them are.
#[derive(Template, Debug)]
#[template(path = "view.html")]
pub struct LayoutView {
    pub layout: Layout,
    pub introduction: String,
    pub notices: Vec<Notice>,
    pub filter: Option<FilterForm>,
    pub figures: Vec<Figure>,
    pub charts: Vec<Chart>,
    pub tables: Vec<Table>,
}

impl LayoutView {
    /// A view without content.
    pub fn new(layout: Layout) -> LayoutView {
        LayoutView {
            layout,
            introduction: String::new(),
            notices: Vec::new(),
            filter: None,
            figures: Vec::new(),
            charts: Vec::new(),
            tables: Vec::new(),
        }
    }

    fn place(&self) -> ChartPlace {
        CHART_PLACE
    }
}

/// The view of an error.
#[derive(Template, Debug)]
#[template(path = "error.html")]
pub struct ErrorView {
    pub layout: Layout,
    pub status: u16,
    pub message: String,
    pub request_id: String,
}

impl ErrorView {
    /// The view of an error for whoever sees it, who may be signed out.
    pub fn new(status: u16, message: String, request_id: String) -> ErrorView {
        let title = match status {
            400 => "This request cannot be read",
            401 | 403 => "This is not for you to see",
            404 => "This does not exist",
            405 => "This cannot be done here",
            429 => "Too many requests",
            503 => "The receiver is busy",
            _ => "Something went wrong",
        };
        ErrorView { layout: Layout::signed_out(title), status, message, request_id }
    }
}
