//! Cookies of the page, its forms, and the tokens that prove that a form is the page's own.

use crate::exporter::config::endpoint::is_loopback;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::body;
use crate::receiver::http::state::AppState;
use crate::receiver::keys;
use axum::body::Body;
use axum::http::header::{COOKIE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};

/// Cookie of a sign-in.
pub const SESSION_COOKIE: &str = "han_sync_session";
/// Cookie of the form that signs in, before there is a session.
pub const FORM_COOKIE: &str = "han_sync_form";
/// Bytes of a cookie's value; longer ones are none of the page's.
const COOKIE_BYTES_MAX: usize = 256;

/// A form as it was sent.
pub struct PageForm(Vec<(String, String)>);

impl PageForm {
    /// Reads the form of a request.
    pub async fn read(state: &AppState, headers: &HeaderMap, body: Body) -> Result<PageForm, ApiError> {
        Ok(PageForm(body::receive_form(headers, body, state.body_stall_timeout).await?))
    }

    /// The first value of a field, without blanks around it; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.get_exact(name).trim()
    }

    /// The first value of a field as it was sent; empty if there is none.
    pub fn get_exact(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// Rejects a form that does not carry the token of this secret, as one that another site has made.
    pub fn require_token(&self, secret: &str) -> Result<(), ApiError> {
        // Compared by hash, so that the time tells nothing.
        if !secret.is_empty() && keys::hash(self.get("token")) == keys::hash(&keys::form_token(secret)) {
            return Ok(());
        }
        let message =
            "this form is not from this page, or has expired: open the page again, and send it from there";
        Err(ApiError::new(StatusCode::FORBIDDEN, message))
    }
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(own, _)| *own == name)?.1;
    (!value.is_empty() && value.len() <= COOKIE_BYTES_MAX).then_some(value)
}

/// The header that sets a cookie, until the browser is closed. An empty value removes it.
pub fn set_cookie(headers: &HeaderMap, name: &str, value: &str) -> Result<HeaderValue, ApiError> {
    let secure = if is_local(headers) { "" } else { "; Secure" };
    let age = if value.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/{secure}{age}");
    HeaderValue::from_str(&text).map_err(|_| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error: a cookie cannot be set")
    })
}

/// True if the browser asks this machine itself, where there is no TLS.
fn is_local(headers: &HeaderMap) -> bool {
    let host =
        headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
    let Some(host) = host else { return false };
    // Browsers resolve names below localhost to this machine; others may not.
    is_loopback(host.host()) || host.host().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let sent = headers(&[("cookie", "xhan_sync_session=1; han_sync_session=2; a=b"), ("cookie", "c=d")]);
        assert_eq!(cookie(&sent, SESSION_COOKIE), Some("2"));
        assert_eq!(cookie(&sent, "c"), Some("d"));
        assert_eq!(cookie(&sent, "han_sync"), None);
        assert_eq!(cookie(&headers(&[("cookie", &format!("c={}", "x".repeat(300)))]), "c"), None);
    }

    #[test]
    fn cookies_are_secure_unless_the_host_is_this_machine() {
        for (host, is_secure) in [
            ("localhost:8787", false),
            ("127.0.0.1:8787", false),
            ("[::1]:8787", false),
            ("app.localhost", false),
            ("team.example.com", true),
            ("localhost.example.com", true),
            ("10.0.0.1", true),
        ] {
            let set = set_cookie(&headers(&[("host", host)]), "c", "v").unwrap();
            let text = set.to_str().unwrap();
            assert_eq!(text.contains("; Secure"), is_secure, "{host}: {text}");
            assert!(text.starts_with("c=v; HttpOnly; SameSite=Lax; Path=/"), "{text}");
        }
        assert!(
            set_cookie(&HeaderMap::new(), "c", "").unwrap().to_str().unwrap().contains("; Secure; Max-Age=0")
        );
    }

    #[test]
    fn form_needs_the_token_of_its_own_secret() {
        let form = |token: &str| PageForm(vec![("token".to_owned(), token.to_owned())]);
        assert!(form(&keys::form_token("s")).require_token("s").is_ok());
        assert!(form(&keys::form_token("s")).require_token("t").is_err());
        assert!(form("").require_token("").is_err());
        assert!(form(&keys::form_token("")).require_token("").is_err());
    }
}
