//! Sign-in, the first visit of a receiver without users, and a machine's code for those who are signed out.

use super::layout::{Layout, Notice};
use askama::Template;

/// The form that takes a key.
#[derive(Template, Debug)]
#[template(path = "sign_in.html")]
pub struct SignInView {
    pub layout: Layout,
    pub notices: Vec<Notice>,
    /// Path to go to after it.
    pub next: String,
    /// Link to the provider, if there is one.
    pub provider: Option<ProviderLink>,
}

/// A link that begins a sign-in through the provider.
#[derive(Debug)]
pub struct ProviderLink {
    pub href: String,
    /// Host of the provider.
    pub host: String,
}

impl SignInView {
    /// The form, with the token of the browser's cookie, and the host of the provider.
    pub fn new(token: String, next: String, host: Option<&str>, notice: Option<Notice>) -> SignInView {
        let layout = Layout { token, ..Layout::signed_out("Sign in") };
        let provider =
            host.map(|host| ProviderLink { href: with_next("/sign-in/oidc", &next), host: host.to_owned() });
        SignInView { layout, notices: notice.into_iter().collect(), next, provider }
    }
}

/// The address of a sign-in that leads to a path.
fn with_next(address: &str, next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("{address}?{query}")
}

/// The commands that make a new receiver useful.
#[derive(Template, Debug)]
#[template(path = "first_visit.html")]
pub struct FirstVisit {
    pub layout: Layout,
}

impl Default for FirstVisit {
    fn default() -> FirstVisit {
        FirstVisit { layout: Layout::signed_out("Welcome") }
    }
}

/// A machine's code, for somebody who is signed out.
#[derive(Template, Debug)]
#[template(path = "device_signed_out.html")]
pub struct SignedOutDevice {
    pub layout: Layout,
    pub code: String,
    /// URL of the sign-in that leads back.
    pub sign_in: String,
}

impl SignedOutDevice {
    /// The view of a code, or of a placeholder for one.
    pub fn new(code: Option<&str>) -> SignedOutDevice {
        let next = code.map_or("/device".to_owned(), |code| format!("/device?user_code={code}"));
        SignedOutDevice {
            layout: Layout::signed_out("Approve a machine"),
            code: code.unwrap_or("CODE").to_owned(),
            sign_in: with_next("/sign-in", &next),
        }
    }
}
