//! The time of each view of the page, for an organization of a million messages, a thousand clients and two years of days.
//!
//! Measured at a client on the same machine, so that a figure is no less than what the receiver takes.

use super::speed::{UNBOUNDED, users};
use super::stored::{Days, USERS, fill};
use super::support::browser::Browser;
use super::support::running_receiver::{TestStore, postgres};
use super::{Measure, Sizes, median};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Days of the messages, of which the present one is the last.
const DAYS: u64 = 730;
const CLIENTS: usize = 1_000;
const REPOSITORIES: usize = 40;
/// Entries of the audit log.
const ENTRIES: usize = 100_000;
/// Requests for each view.
pub const REQUESTS: usize = 21;
/// Milliseconds that a view may take.
const LIMIT_MS: f64 = 100.0;

/// Keys of an organization's admin and of one of its members.
pub struct Readers {
    pub admin: String,
    pub member: String,
}

/// A view, and who opens it.
pub struct View<'b> {
    pub name: &'static str,
    browser: &'b Browser<'b>,
    path: String,
}

pub fn measure(sizes: &Sizes) -> Vec<Measure> {
    let store = postgres().expect("HAN_SYNC_TEST_POSTGRES");
    let readers = fill_organization(&store, sizes.shown);
    let receiver = store.serve_with(&UNBOUNDED);
    let (admin, member) =
        (Browser::signed_in(&receiver, &readers.admin), Browser::signed_in(&receiver, &readers.member));
    views(&store, &admin, &member).iter().map(measure_view).collect()
}

/// Fills a store with an organization of so many messages, its clients and its audit log.
pub fn fill_organization(store: &TestStore, messages: usize) -> Readers {
    let keys = users(store, USERS);
    store.admin("user create head --org acme --role admin");
    let admin = store.key("head");
    eprintln!("page: filling with {messages} messages");
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    fill(store, messages, Days { first: seconds / 86_400 - (DAYS - 1), count: DAYS });
    spread(store);
    Readers { admin, member: keys[0].clone() }
}

/// All views of a filled organization.
pub fn views<'b>(store: &TestStore, admin: &'b Browser<'b>, member: &'b Browser<'b>) -> Vec<View<'b>> {
    let newest = "SELECT session_id FROM sessions ORDER BY stored_at DESC, session_id LIMIT 1";
    let session = format!("/sessions/{}", store.query(newest)[0][0].as_deref().expect("an id"));
    let first_day = "SELECT to_char(date '1970-01-01' + min(day)::int, 'YYYY-MM-DD') FROM metrics";
    let early = store.query(first_day)[0][0].clone().expect("a day");
    let (two_years, repository) =
        ("from=2020-01-01&to=2030-01-01", "repository=https://github.com/acme-corp/repo-7");
    [
        ("overview, 30 days", admin, "/".to_owned()),
        ("overview, two years", admin, format!("/?{two_years}")),
        ("overview of a member, two years", member, format!("/?{two_years}")),
        ("overview of a repository, two years", admin, format!("/?{two_years}&{repository}")),
        ("clients", admin, "/clients".to_owned()),
        ("sessions", admin, "/sessions".to_owned()),
        ("sessions, second page", admin, next_page(admin, "/sessions")),
        ("sessions of a user and a repository", admin, format!("/sessions?user=user3&{repository}")),
        ("sessions of a branch", admin, "/sessions?branch=feature/7".to_owned()),
        ("sessions of a branch without any", admin, "/sessions?branch=no-such-branch".to_owned()),
        ("sessions of a model", admin, "/sessions?model=claude-sonnet-4-5-20250929".to_owned()),
        ("sessions of one early day", admin, format!("/sessions?from={early}&to={early}")),
        ("a session of 250 messages", admin, session),
        ("me", member, "/me".to_owned()),
        ("keys", member, "/keys".to_owned()),
        ("members", admin, "/members".to_owned()),
        ("audit", admin, "/audit".to_owned()),
    ]
    .map(|(name, browser, path)| View { name, browser, path })
    .into()
}

impl View<'_> {
    /// Opens the view. Returns the milliseconds that it took.
    pub fn open(&self) -> f64 {
        let begun = Instant::now();
        let response = self.browser.get(&self.path);
        assert_eq!(response.status, 200, "{}: {}", self.path, response.text);
        begun.elapsed().as_secs_f64() * 1_000.0
    }
}

/// Gives the filled rows the variety of an organization, and adds its clients and its audit log.
fn spread(store: &TestStore) {
    store.execute(&format!(
        "UPDATE sessions SET repository = 'https://github.com/acme-corp/repo-' || abs(hashtext(session_id)) % {REPOSITORIES}; \
         UPDATE metrics SET repository = 'https://github.com/acme-corp/repo-' || abs(hashtext(session_id)) % {REPOSITORIES}, \
           branch = 'feature/' || abs(hashtext(session_id)) % 500, pull_request = abs(hashtext(session_id)) % 900; \
         INSERT INTO clients (tenant_id, user_id, client_id, last_seen_at, last_success_at, sessions, messages, attempts, \
           last_errors, version, os) \
           SELECT o.tenant_id, u.tenant_id, gen_random_uuid()::text, t.us, t.us, 10, 1000, 0, '[]', '0.2.0', 'linux' \
           FROM generate_series(1, {CLIENTS}) n JOIN tenants u ON u.handle = 'user' || n % {USERS} \
           CROSS JOIN (SELECT (extract(epoch FROM now()) * 1000000)::bigint AS us) t \
           CROSS JOIN tenants o WHERE o.handle = 'acme'; \
         INSERT INTO audit (entry, at, actor, action, target, outcome, count) \
           SELECT 1000000 + n, t.us - n, 'bench', 'key.create', o.tenant_id, 'ok', 1 FROM generate_series(1, {ENTRIES}) n \
           CROSS JOIN (SELECT (extract(epoch FROM now()) * 1000000)::bigint AS us) t \
           CROSS JOIN tenants o WHERE o.handle = 'acme'"
    ));
    store.execute("VACUUM ANALYZE");
}

/// The path of the next page of a list.
fn next_page(browser: &Browser, path: &str) -> String {
    let text = browser.get(path).text;
    let after = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let next = after.into_iter().find(|link| link.contains("after=")).expect("a next page");
    next.replace("&amp;", "&").replace("&#38;", "&")
}

fn measure_view(view: &View<'_>) -> Measure {
    eprintln!("page: {}", view.name);
    let took = median((0..REQUESTS).map(|_| view.open()));
    Measure {
        name: format!("page: {}", view.name),
        ours: format!("{took:.1} ms"),
        against: format!("{LIMIT_MS:.0} ms"),
        ratio: format!("{:.2}", took / LIMIT_MS),
        target: "≤ 1".to_owned(),
    }
}
