//! The page: views of a team's data as HTML, made from templates. No HTTP and no SQL.
//!
//! Invariants: every text of others is escaped by its template; a view works without script and takes nothing from
//! elsewhere; what a table shows its CSV has as well; people are never ranked.

/// Numbers, money and times as text.
mod format;

/// The filters in a view's URL.
mod filter;

/// Tables, as HTML and as CSV.
mod table;

/// Charts as SVG.
mod chart;

/// The frame of all views.
mod layout;

/// Sign-in, and the first visit.
mod sign_in;

/// `/`: sums by day, repository, branch, pull request and model.
mod overview;

/// `/sessions`, and one session.
mod sessions;

/// `/clients`.
mod clients;

/// `/me`: what others can see of the viewer.
mod me;

/// `/keys` and `/device`.
mod keys;

/// `/members` and `/audit`.
mod administration;

pub use administration::{audit_view, members_view, shown_memberships};
pub use clients::clients_view;
pub use filter::ViewFilter;
pub use format::minute;
pub use keys::{GROUP_MEMBERS_KEYS, KeysView, device_view};
pub use layout::{ErrorView, LayoutView, Notice, is_admin};
pub use me::{ForgetView, me_view, readers_table, visible_sessions_table};
pub use overview::{Breakdown, BreakdownRows, OverviewData, breakdown_table, overview_view};
pub use sessions::{SessionData, messages_table, session_view, sessions_view, tasks_table};
pub use sign_in::{FirstVisit, SignInView, SignedOutDevice};
pub use table::{Table, csv};

/// The style sheet.
pub const STYLE_SHEET: &str = include_str!("page.css");
/// The icon.
pub const ICON: &str = include_str!("page.svg");
/// Version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
